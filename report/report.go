// Package report is the command line: it lists the subcommands and answers those about the content of images.
// Larger ones have their own packages: check, diff, docker, dockerfile, complete, verify. Package call runs a command,
// package render writes its answer.
package report

import (
	"context"
	"io"
	"os"

	"layup/report/browse"
	"layup/report/call"
	"layup/report/catalogue"
	"layup/report/check"
	"layup/report/complete"
	"layup/report/diff"
	"layup/report/docker"
	"layup/report/dockerfile"
	"layup/report/kept"
	"layup/report/packages"
	"layup/report/render"
	"layup/report/secrets"
	"layup/report/verify"
)

// All returns every command, in the order of the help.
func All() []call.Command {
	return []call.Command{
		{Name: "owner", Group: call.Files, Brief: "which layer owns a path", Fleet: true,
			Args: "IMAGE PATH...", Several: "--path PATH IMAGE...", Min: 1, Max: -1,
			New: newOwner, Details: ownerDetails,
			About: "say which layer owns each path", No: "a path is not in the image",
			Examples: []string{"layup owner nginx.tar /etc/nginx/nginx.conf",
				"layup owner -f json oci:layout:1.2 /bin/sh /etc/passwd"}},
		{Name: "log", Group: call.Files, Brief: "what each layer did to it",
			Args: "IMAGE PATH...", Min: 2, Max: -1, New: newLog, Details: logDetails,
			About: "list every layer that touched a path", No: "no layer ever held a path",
			Examples: []string{"layup log nginx.tar /etc/passwd"}},
		{Name: "find", Group: call.Files, Brief: "search every layer", Fleet: true,
			Args: "IMAGE [PATTERN...]", Several: "--name PATTERN IMAGE...", Min: 1,
			Max: -1, New: newFind, Details: findDetails, Items: render.Versions,
			About: "search every version of every path in all layers", No: "nothing matches",
			Examples: []string{"layup find shop.tar '*.pem'", "layup find shop.tar --hidden '/root/**'",
				"layup find shop.tar --type f --perm /6000 --live", "layup find --name id_rsa a.tar b.tar",
				"layup find --sha256-file known.sha256 -f jsonl docker-root:",
				"layup find --since 7d --sort mtime -l shop.tar", "layup find -C fleet '**/MYFILE'"}},
		{Name: "ls", Group: call.Files, Brief: "list the merged tree",
			Args: "IMAGE [PATH]", Min: 1, Max: 2, New: newLs, Details: lsDetails,
			About: "list the merged filesystem with its owners", No: "the path is not in the image",
			Examples: []string{"layup ls -l shop.tar /etc", "layup ls -R --sort size shop.tar", "layup ls --layer 3 shop.tar"}},
		{Name: "tree", Group: call.Files, Brief: "draw it",
			Args: "IMAGE [PATH]", Min: 1, Max: 2, New: newTree, Details: treeDetails,
			About: "draw the merged filesystem with its owners", No: "the path is not in the image",
			Examples: []string{"layup tree --depth 2 shop.tar /etc"}},
		{Name: "layers", Group: call.Image, Brief: "sizes, instructions", Fleet: true,
			Args: "IMAGE", Min: 1, Max: 1, New: newLayers, Details: layersDetails,
			About:    "list the layers: size, changes, hidden bytes, instruction",
			Examples: []string{"layup layers shop.tar", "layup layers -f '{{.index}} {{.diffID}}' shop.tar"}},
		dockerfile.Dockerfile(),
		{Name: "images", Group: call.Image, Brief: "images, platforms, tags", Fleet: true,
			Args: "SOURCE...", Min: 1, Max: -1, New: newImages, Details: imagesDetails,
			About: "list what a file or repository holds: images, platforms, blobs",
			Refuses: []call.Refusal{{Flag: "image", Why: "everything is listed", Hint: "layup images %s"},
				{Flag: "platform", Why: "everything is listed", Hint: "layup images %s"}},
			Examples: []string{"layup images export.tar", "layup images docker://registry.example/shop",
				"layup images --all -f csv folder/"}},
		docker.Inspect(),
		docker.History(),
		{Name: "hidden", Group: call.Space, Brief: "deleted, still carried",
			Args: "IMAGE... [PATTERN...]", Min: 1, Max: -1, New: newHidden, Details: hiddenDetail(),
			About: "list what was deleted or overwritten and is still carried", No: "nothing hidden matches a PATTERN",
			Refuses: []call.Refusal{call.NoTOC},
			Examples: []string{"layup hidden shop.tar", "layup hidden --sensitive --all images/",
				"layup hidden --min-size 1MB shop.tar '**/*.so*'", "layup hidden -f csv -o hidden.csv shop.tar"}},
		{Name: "waste", Group: call.Space, Brief: "bytes that nobody sees",
			Args: "IMAGE...", Min: 1, Max: -1, New: newWaste, Details: wasteDetails,
			About:   "add up the bytes that the final tree does not show",
			Refuses: []call.Refusal{call.NoTOC},
			Examples: []string{"layup waste shop.tar", "layup waste --top 20 shop.tar",
				"layup waste -f json --all images/"}},
		{Name: "du", Group: call.Space, Brief: "size of every directory",
			Args: "IMAGE... [PATH]", Min: 1, Max: -1, New: newDu, Details: duDetails,
			About: "say where the space is, by directory", No: "the path is not in the image",
			Refuses:  []call.Refusal{call.NoTOC},
			Examples: []string{"layup du shop.tar", "layup du -d 1 shop.tar /usr", "layup du --hidden shop.tar"}},
		packages.Packages(),
		diff.Diff(),
		check.Check(),
		secrets.Secrets(),
		{Name: "cat", Group: call.Taken, Brief: "the content of a file",
			Args: "IMAGE PATH...", Min: 2, Max: -1, Plain: true, New: newCat, Details: catDetails,
			About: "write the content of a file, live or hidden", No: "a path is not in the image",
			Refuses:  []call.Refusal{call.OneImage, call.NoTOC},
			Examples: []string{"layup cat shop.tar /etc/passwd", "layup cat --layer 1 shop.tar /root/.netrc"}},
		{Name: "extract", Group: call.Taken, Brief: "files, live or hidden",
			Args: "IMAGE [PATH...]", Min: 1, Max: -1, Plain: true, New: newExtract, Details: extractDetails,
			About:   "take files out, live or hidden, as a directory or a tar",
			No:      "a path is not in the image, or nothing matches",
			Refuses: []call.Refusal{call.OneImage, call.NoTOC},
			Examples: []string{"layup extract shop.tar -C shop", "layup extract shop.tar /etc '/usr/**/*.conf' -o conf.tar",
				"layup extract shop.tar --deleted -C evidence", "layup extract shop.tar --layer-tar 3 -o - | sha256sum"}},
		{Name: "unpack", Group: call.Taken, Brief: "layers, to be mounted",
			Args: "IMAGE DIR", Min: 2, Max: 2, Plain: true, New: newUnpack, Details: unpackDetails,
			About:    "lay the layers out as an engine keeps them, to be mounted by hand",
			Refuses:  []call.Refusal{call.OneImage, call.NoTOC},
			Examples: []string{"sudo layup unpack --overlay2 shop.tar shop.layers"}},
		verify.Verify(),
		{Name: "report", Group: call.Trust, Brief: "all of it as one page",
			Args: "IMAGE [IMAGE-B]", Min: 1, Max: 2, Plain: true, New: newPage, Details: pageDetails,
			About:   "write all about an image, or two, into a page for a browser",
			Refuses: []call.Refusal{call.OneImage, call.NoTOC},
			Examples: []string{"layup report shop.tar -o shop.html",
				"layup report --digests docker://registry.example/shop:1.2 -o shop.html",
				"layup report shop-1.2.tar shop-1.3.tar -o changes.html"}},
		{Name: "pull", Group: call.Taken, Brief: "from registries to a file",
			Args: "docker://REF...", Min: 1, Max: -1, Plain: true, Target: true, New: newPull,
			Details: pullDetails,
			About:   "fetch images from registries, verified, into an OCI layout",
			Refuses: []call.Refusal{{Flag: "image", Why: "a reference names the image",
				Hint: "layup pull -o image.tar docker://HOST/NAME:TAG"},
				{Flag: "toc", Why: "whole blobs are fetched"}, {Flag: "no-verify", Why: "only what was verified is written"}},
			Examples: []string{"layup pull -o nginx.tar docker://nginx:1.27",
				"layup pull --platform linux/arm64 --docker -o app.tar docker://app:2",
				"layup pull --all -o layout docker://registry.example/app:2"}},
		browse.Browse(),
		catalogue.Index(),
		catalogue.Print(),
		docker.Serve(),
		kept.Cache(),
		{Name: "version", Group: call.Other, Brief: "of this program",
			Max: 0, New: newVersion, About: "say which version this is",
			Examples: []string{"layup version -f json"}},
		complete.Script(),
		{Name: "help", Args: "[COMMAND|flags|sources]", Max: 1, Plain: true, New: call.NewHelp,
			About:    "explain layup or one of its commands",
			Examples: []string{"layup help find", "layup help flags"}},
		complete.Answer(),
		docker.Metadata(),
	}
}

// Main runs one command line and returns the exit status.
func Main(ctx context.Context, args []string, stdin *os.File, stdout, stderr io.Writer) int {
	return call.Main(ctx, All(), args, stdin, stdout, stderr)
}

// Manual returns the pages of the manual by the names of their files, as call.Manual does.
func Manual(day, version string) map[string]string { return call.Manual(All(), day, version) }

// Plugin returns the context and the arguments of a program's command line: if docker started the program as its
// plugin, those that docker means.
func Plugin(ctx context.Context, line []string) (context.Context, []string) {
	return docker.Plugin(ctx, line)
}
