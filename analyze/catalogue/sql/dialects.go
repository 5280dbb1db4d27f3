package sql

import (
	"fmt"
	"os"
	"strings"
)

// parents is how an engine computes a path and all its parents.
type parents func(path string) string

func duckdb(location string, remote bool) dialect {
	read := func(folder string) string { return "read_parquet(" + quote(location+"/"+folder+"/*.parquet") + ")" }
	spots := parents(func(path string) string {
		return ",\n      unnest(list_concat([" + path + ", '/'], list_transform(range(2, len(string_split(" + path +
			", '/'))),\n        n -> array_to_string(string_split(" + path + ", '/')[1:n], '/')))) AS spot"
	})
	d := dialect{
		Head:   "DuckDB: layup catalogue sql duckdb -C CATALOGUE > fleet.sql; duckdb -init fleet.sql",
		Images: read("images"), Layers: read("layers"), Files: "(SELECT *, filename AS file FROM " + read("files") + ")",
		Part:  "'files/' || parse_filename(f.file)",
		Parts: "SELECT 'files/' || parse_filename(file) AS part FROM glob(" + quote(location+"/files/*.parquet") + ")",
		Stack: "md5(array_to_string(layers, ' '))",
		Listed: "SELECT stack, unnest(layers) AS layer, generate_subscripts(layers, 1) - 1 AS pos\n" +
			"FROM (SELECT DISTINCT stack, layers FROM images WHERE error = '') AS i",
		Contains: "list_contains(entries, gone)", Setuid: "(mode & 3072) <> 0",
		LinkSelect: spots("f.link"), PathSelect: spots("f.path"),
	}
	if remote {
		d.Tables = "INSTALL httpfs; LOAD httpfs; INSTALL aws; LOAD aws;\n" +
			"CREATE OR REPLACE SECRET layup (TYPE s3, PROVIDER credential_chain" + duckdbEndpoint() + ");\n\n"
	}
	return d
}

// endpoint is the server other than Amazon's that the environment names, as place reads it; empty if there is none.
func endpoint() string {
	if e := os.Getenv("AWS_ENDPOINT_URL_S3"); e != "" {
		return e
	}
	return os.Getenv("AWS_ENDPOINT_URL")
}

func duckdbEndpoint() string {
	scheme, host, ok := strings.Cut(strings.TrimRight(endpoint(), "/"), "://")
	if !ok {
		return ""
	}
	return fmt.Sprintf(",\n  ENDPOINT %s, URL_STYLE 'path', USE_SSL %t", quote(host), scheme == "https")
}

func clickhouse(location string, remote bool) dialect {
	read := func(folder string) string {
		if !remote {
			return "file(" + quote(location+"/"+folder+"/*.parquet") + ", Parquet)"
		}
		bucket, prefix, _ := strings.Cut(strings.TrimPrefix(location, "s3://"), "/")
		host := "https://" + bucket + ".s3.amazonaws.com/"
		if e := endpoint(); e != "" {
			host = strings.TrimRight(e, "/") + "/" + bucket + "/"
		}
		return "s3(" + quote(host+strings.TrimLeft(prefix+"/", "/")+folder+"/*.parquet") + ", 'Parquet')"
	}
	spots := parents(func(path string) string {
		return ",\n      arrayJoin(arrayConcat([" + path + ", '/'], arrayMap(\n" +
			"        n -> arrayStringConcat(arraySlice(splitByChar('/', " + path + "), 1, n), '/'),\n" +
			"        range(2, length(splitByChar('/', " + path + ")))))) AS spot"
	})
	return dialect{
		Head: "ClickHouse: layup catalogue sql clickhouse -C CATALOGUE > fleet.sql;\n" +
			"-- clickhouse local --path fleet --queries-file fleet.sql",
		Images: read("images"), Layers: read("layers"), Files: "(SELECT *, _file AS file FROM " + read("files") + ")",
		Part:  "concat('files/', f.file)",
		Parts: "SELECT DISTINCT concat('files/', _file) AS part FROM " + read("files"),
		Stack: "lower(hex(MD5(arrayStringConcat(layers, ' '))))",
		Listed: "SELECT stack, layer, toInt64(number) - 1 AS pos\n" +
			"FROM (SELECT DISTINCT stack, layers FROM images WHERE error = '') AS i\n" +
			"ARRAY JOIN layers AS layer, arrayEnumerate(layers) AS number",
		Contains: "has(entries, gone)", Setuid: "bitAnd(mode, 3072) <> 0",
		LinkSelect: spots("f.link"), PathSelect: spots("f.path"),
	}
}

func trino(location string, remote bool) dialect {
	if !remote {
		location = "file://" + location
	}
	var tables strings.Builder
	for _, t := range []struct{ folder, name, columns string }{
		{"images", "image_parts", "source varchar, reference varchar, \"references\" array(varchar), id varchar, " +
			"manifest varchar,\n  platform varchar, kind varchar, store varchar, created varchar, layers array(varchar), " +
			"seen varchar, error varchar"},
		{"layers", "layer_parts", "key varchar, diffID varchar, digest varchar, mediaType varchar, compression varchar, " +
			"size bigint,\n  unpackedSize bigint, entries bigint, part varchar, error varchar"},
		{"files", "file_parts", "base varchar, path varchar, layer varchar, kind varchar, implied boolean, mode integer, " +
			"uid bigint,\n  gid bigint, size bigint, mtime bigint, link varchar, sha256 varchar"},
	} {
		fmt.Fprintf(&tables, "CREATE TABLE IF NOT EXISTS %s (\n  %s\n) WITH (external_location = %s, "+
			"format = 'PARQUET');\n\n", t.name, t.columns, quote(location+"/"+t.folder))
	}
	spots := parents(func(path string) string {
		parts := "split(" + path + ", '/')"
		return "\n    CROSS JOIN UNNEST(ARRAY[" + path + ", '/'] || IF(cardinality(" + parts + ") > 2, transform(\n" +
			"      sequence(2, cardinality(" + parts + ") - 1), n -> array_join(slice(" + parts + ", 1, n), '/')),\n" +
			"      CAST(ARRAY[] AS array(varchar)))) AS t (spot)"
	})
	return dialect{
		Head: "Trino with its Hive connector, which matches columns by name:\n" +
			"-- layup catalogue sql trino -C CATALOGUE > fleet.sql; trino --catalog hive --schema fleet --file fleet.sql",
		Tables: tables.String(), Images: "image_parts", Layers: "layer_parts",
		Files: `(SELECT *, "$path" AS file FROM file_parts)`,
		Part:  "'files/' || regexp_extract(f.file, '[^/]+$')",
		Parts: `SELECT DISTINCT 'files/' || regexp_extract("$path", '[^/]+$') AS part FROM file_parts`,
		Stack: "lower(to_hex(md5(to_utf8(array_join(layers, ' ')))))",
		Listed: "SELECT stack, layer, pos - 1 AS pos\n" +
			"FROM (SELECT DISTINCT stack, layers FROM images WHERE error = '') AS i\n" +
			"CROSS JOIN UNNEST(layers) WITH ORDINALITY AS t (layer, pos)",
		Contains: "contains(entries, gone)", Setuid: "bitwise_and(mode, 3072) <> 0",
		LinkSelect: ", t.spot AS spot", LinkJoin: spots("f.link"),
		PathSelect: ", t.spot AS spot", PathJoin: spots("f.path"),
	}
}
