-- 1. In which images does a name lie, live or hidden?
SELECT source, reference, platform, path, position, status, hiddenBy
FROM found WHERE base = 'MYFILE' ORDER BY source, reference, platform, path, position;

-- 2. Which images carry a content? Needs a catalogue with --digests.
SELECT source, reference, platform, path, position, status
FROM found WHERE sha256 = '27dd8ed44a83ff94d557f9fd0412ed5a8cbca69ea04922d88c01184a07300a5a'
ORDER BY source, reference, platform, path, position;

-- 3. Which layer owns a path in which images?
SELECT layer, count(*) AS images, min(reference) AS example
FROM live WHERE base = 'passwd' AND path = '/etc/passwd' GROUP BY layer ORDER BY images DESC, layer;

-- 4. Which keys do images carry that no container sees?
SELECT source, reference, path, status, hiddenBy
FROM found WHERE base IN ('id_rsa', 'id_ed25519', '.netrc', '.npmrc', '.pypirc') AND status <> 'live'
ORDER BY source, reference, path, hiddenBy;

-- 5. Which programs run as another user, and in how many images?
SELECT path, uid, gid, count(DISTINCT stack) AS stacks, count(*) AS images
FROM live WHERE kind = 'file' AND {{.Setuid}} GROUP BY path, uid, gid ORDER BY images DESC, path, uid, gid;

-- 6. Which layers would be missed most? Images that have each, and what it takes.
SELECT l.key, l.size, l.entries, count(*) AS images
FROM images AS i JOIN listed AS s ON s.stack = i.stack JOIN layers AS l ON l.key = s.layer
GROUP BY l.key, l.size, l.entries ORDER BY images DESC, l.size DESC, l.key;
