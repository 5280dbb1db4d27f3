-- {{.Head}}
-- Columns are explained in docs/catalogue.md. Names compare as bytes; pathBytes has those that are not UTF-8.

{{.Tables}}
-- One row for each image and platform. A stack stands for a list of layers: images with equal layers share it.
CREATE OR REPLACE VIEW images AS
SELECT DISTINCT source, reference, "references", id, manifest, platform, kind, store, created, layers, error,
  {{.Stack}} AS stack
FROM {{.Images}};

-- The parts that are there: sealing replaces parts, and rows may still name old ones.
CREATE OR REPLACE VIEW parts AS
{{.Parts}};

-- One row for each layer that was read.
CREATE OR REPLACE VIEW layers AS
SELECT r.key AS key, min(r.diffID) AS diffID, min(r.digest) AS digest, min(r.mediaType) AS mediaType,
  min(r.compression) AS compression, max(r.size) AS size, max(r.unpackedSize) AS unpackedSize,
  max(r.entries) AS entries, min(r.part) AS part
FROM {{.Layers}} AS r
WHERE r.error = '' AND (r.part = '' OR r.part IN (SELECT p.part FROM parts AS p)) GROUP BY r.key;

-- Layers that a blob claims to be which could not be read: nobody knows which images of a plan have that blob.
CREATE OR REPLACE VIEW claimed AS
SELECT DISTINCT key FROM {{.Layers}}
WHERE error <> '' AND digest <> key AND key || ' ' || digest NOT IN (
  SELECT key || ' ' || digest FROM {{.Layers}} WHERE error = '');

-- What layers say of paths. Two writers may have written a layer twice: the part that layers name counts.
CREATE OR REPLACE VIEW files AS
SELECT f.*
FROM {{.Files}} AS f
JOIN layers AS l ON l.key = f.layer AND l.part = {{.Part}};

CREATE OR REPLACE VIEW listed AS
{{.Listed}};

-- The stacks with a layer that was not read. The views below leave them out.
CREATE OR REPLACE VIEW incomplete AS
SELECT DISTINCT stack FROM listed
WHERE layer NOT IN (SELECT key FROM layers) OR layer IN (SELECT key FROM claimed)
UNION DISTINCT
SELECT stack FROM images WHERE error <> '';

CREATE OR REPLACE VIEW stacks AS
SELECT stack, layer, pos FROM listed WHERE stack NOT IN (SELECT stack FROM incomplete);

-- Hard links to what lower layers do not show: engines refuse them, and they are not files.
CREATE OR REPLACE VIEW broken AS
SELECT stack, pos, path, 1 AS hit
FROM (
  SELECT l.stack AS stack, l.pos AS pos, l.path AS path,
    max(CASE WHEN u.pos < l.pos AND k.path = l.link AND k.kind NOT IN ('dir', 'whiteout', 'opaque')
      THEN u.pos ELSE -1 END) AS fileBelow,
    max(CASE WHEN k.kind = 'whiteout' OR k.kind = 'opaque' AND k.path <> l.link
        OR u.pos < l.pos AND k.path <> l.link AND k.kind NOT IN ('dir', 'opaque', '')
        OR u.pos < l.pos AND k.path = l.link AND k.kind = 'dir'
      THEN u.pos ELSE -1 END) AS goneBelow
  FROM (
    SELECT s.stack AS stack, s.pos AS pos, f.path AS path, f.link AS link{{.LinkSelect}}
    FROM files AS f JOIN stacks AS s ON s.layer = f.layer{{.LinkJoin}}
    WHERE f.kind = 'hardlink') AS l
  JOIN stacks AS u ON u.stack = l.stack
  LEFT JOIN files AS k ON k.layer = u.layer AND k.path = l.spot
  WHERE u.pos <= l.pos
  GROUP BY l.stack, l.pos, l.path) AS links
WHERE fileBelow < 0 OR goneBelow > fileBelow;

-- Every version of every path in every stack: what happened to it in the layers above. A row is hidden by the first
-- layer with a whiteout of the path or of a parent, an opaque marker on a parent, another entry at the path, or one at
-- a parent that is not a directory. A directory that is listed again is one version, of the last layer that lists it.
CREATE OR REPLACE VIEW versions AS
SELECT stack, pos AS position, layer, base, path, kind, implied, mode, uid, gid, size, mtime, link, sha256,
  CASE WHEN gone = 1000000 THEN 'live' WHEN {{.Contains}} THEN 'overwritten' ELSE 'deleted' END AS status,
  CASE WHEN gone < 1000000 THEN gone END AS hiddenBy
FROM (
  SELECT h.stack AS stack, h.pos AS pos, h.layer AS layer, h.base AS base, h.path AS path, h.kind AS kind,
    h.implied AS implied, h.mode AS mode, h.uid AS uid, h.gid AS gid, h.size AS size, h.mtime AS mtime,
    h.link AS link, h.sha256 AS sha256,
    max(CASE WHEN b.hit = 1 AND k.kind = 'hardlink' AND u.pos = h.pos THEN 1 ELSE 0 END) AS unreal,
    min(CASE WHEN u.pos > h.pos AND (coalesce(b.hit, 0) = 0 OR k.kind <> 'hardlink') AND (
        k.kind NOT IN ('dir', 'opaque') OR k.kind = 'opaque' AND k.path <> h.path
        OR k.kind = 'dir' AND k.path = h.path AND h.kind <> 'dir') THEN u.pos ELSE 1000000 END) AS gone,
    min(CASE WHEN u.pos > h.pos AND k.path = h.path AND k.kind = 'dir' AND h.kind = 'dir'
        AND NOT k.implied THEN u.pos ELSE 1000000 END) AS listedAgain,
    array_agg(CASE WHEN u.pos > h.pos AND (coalesce(b.hit, 0) = 0 OR k.kind <> 'hardlink') AND k.path = h.path
        AND k.kind NOT IN ('whiteout', 'opaque') THEN u.pos ELSE -1 END) AS entries,
    max(CASE WHEN u.pos < h.pos AND k.path = h.path AND k.kind = 'dir' THEN u.pos ELSE -1 END) AS dirBelow,
    max(CASE WHEN u.pos <= h.pos AND (coalesce(b.hit, 0) = 0 OR k.kind <> 'hardlink') AND (
        k.kind = 'whiteout' OR k.kind = 'opaque' AND k.path <> h.path
        OR k.kind NOT IN ('dir', 'opaque') AND u.pos < h.pos) THEN u.pos ELSE -1 END) AS goneBelow
  FROM (
    SELECT s.stack AS stack, s.pos AS pos, f.*{{.PathSelect}}
    FROM files AS f JOIN stacks AS s ON s.layer = f.layer{{.PathJoin}}
    WHERE f.kind NOT IN ('whiteout', 'opaque')) AS h
  JOIN stacks AS u ON u.stack = h.stack
  JOIN files AS k ON k.layer = u.layer AND k.path = h.spot
  LEFT JOIN broken AS b ON b.stack = u.stack AND b.pos = u.pos AND b.path = k.path
  WHERE k.path = h.path OR k.kind <> 'dir'
  GROUP BY h.stack, h.pos, h.layer, h.base, h.path, h.kind, h.implied, h.mode, h.uid, h.gid, h.size, h.mtime,
    h.link, h.sha256) AS fates
WHERE listedAgain >= gone AND (NOT implied OR dirBelow < 0 OR goneBelow > dirBelow)
  AND (kind <> 'hardlink' OR unreal = 0);

-- The versions in each image, as layup find -C shows them. The kind hardlink is that of a link into a lower layer.
CREATE OR REPLACE VIEW found AS
SELECT i.source AS source, i.reference AS reference, i.platform AS platform, i.id AS id, v.*
FROM versions AS v JOIN images AS i ON i.stack = v.stack;

-- What a container of each image sees.
CREATE OR REPLACE VIEW live AS
SELECT * FROM found WHERE status = 'live';
