package catalogue

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	template "github.com/DataDog/datadog-agent/pkg/template/text"
	"github.com/spf13/pflag"

	"layup/analyze/catalogue/place"
	"layup/analyze/catalogue/sql"
	"layup/analyze/near"
	"layup/analyze/show"
	"layup/report/call"
)

const printDetails = `
Prints what other programs need to fill or to ask a catalogue; it reads none.

catalogue job k8s, slurm or aws: the manifest or script of an array job. Its comments say the steps: a plan, the job,
and --seal. Each task runs layup index --shard auto and does one batch. A task that was killed goes on when it runs
again.

catalogue sql duckdb, clickhouse or trino: the tables, the views found (every version in every image, with its status),
live and incomplete (what was not read), and six queries to begin with. docs/catalogue.md explains the columns.
`

// Print is the command catalogue.
func Print() call.Command {
	return call.Command{Name: "catalogue", Group: call.Other, Brief: "array jobs, SQL views",
		Args: "job k8s|slurm|aws, sql duckdb|clickhouse|trino", Min: 2, Max: 2, Plain: true, New: newPrint,
		Details: printDetails,
		About:   "print array jobs that fill a catalogue, and SQL that asks it",
		Examples: []string{"layup catalogue sql duckdb -C fleet > fleet.sql",
			"layup catalogue job slurm -C fleet --batches 100 > job.sh",
			"layup catalogue job k8s -C s3://bucket/fleet --container host/layup:1"}}
}

//go:embed job/*
var jobs embed.FS

// engines are the files of jobs.
var engines = map[string]string{"k8s": "k8s.yaml", "slurm": "slurm.sh", "aws": "aws.sh"}

// A job is what an array job says.
type job struct {
	location  string
	container string
	batches   int
	parallel  int
}

func newPrint(f *pflag.FlagSet) call.Answer {
	at := flagOf(f)
	j := job{}
	f.IntVar(&j.batches, "batches", 8, "tasks of the job, as many as the plan has: `N`")
	f.IntVar(&j.parallel, "parallel", 0, "pods at the same time: `N`, all by default")
	f.StringVar(&j.container, "container", "", "the image of layup that k8s and aws run: `REFERENCE`")
	return func(ctx context.Context, c *call.Call) (int, error) {
		if *at == "" {
			return call.Failed, call.Usage("layup catalogue "+show.Shell(c.Args[0])+" "+show.Shell(c.Args[1])+" -C fleet",
				"catalogue: -C is missing: it names the catalogue")
		}
		var text string
		var err error
		switch what := c.Args[0]; what {
		case "sql":
			text, err = statements(c.Args[1], *at)
		case "job":
			j.location = *at
			text, err = j.text(c.Args[1])
		default:
			err = call.Usage(near.Hint(what, []string{"job", "sql"}), "catalogue: %q is neither job nor sql", what)
		}
		if err != nil {
			return call.Failed, err
		}
		return call.Answered, c.Print(ctx, text)
	}
}

func statements(engine, location string) (string, error) {
	views, err := sql.Views(engine, location)
	if err != nil {
		return "", fmt.Errorf("catalogue: sql: %w", err)
	}
	queries, err := sql.Queries(engine, location)
	return views + "\n" + queries + "\n", err
}

// A setting is a variable of the environment that tasks need.
type setting struct{ Name, Value, Shell string }

// settings are the variables that say where the store is. Credentials are not printed: the job says where they go.
func settings() (list []setting) {
	for _, name := range []string{"AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "LAYUP_S3_STYLE"} {
		if value := os.Getenv(name); value != "" {
			list = append(list, setting{name, quoted(value), show.Shell(value)})
		}
	}
	return list
}

// quoted writes a text as JSON, which YAML also reads.
func quoted(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // texts only
	}
	return strings.ReplaceAll(string(text), "'", `\u0027`)
}

func (j *job) text(engine string) (string, error) {
	file, ok := engines[engine]
	if !ok {
		return "", call.Usage(near.Hint(engine, []string{"k8s", "slurm", "aws"}),
			"catalogue: job: %q: is none of k8s, slurm, aws", engine)
	}
	remote := place.Remote(j.location)
	switch {
	case j.batches < 1:
		return "", call.Usage("", "catalogue: --batches %d: a job has one task or more", j.batches)
	case engine != "slurm" && j.container == "":
		return "", call.Usage("make image makes one; --container registry.example/layup:1", "catalogue: job %s: --container "+
			"is missing: it names the image that tasks run", engine)
	case engine == "aws" && !remote:
		return "", call.Usage("-C s3://BUCKET/PREFIX", "catalogue: job aws: tasks share no directory")
	case engine == "aws" && (j.batches < 2 || j.batches > 10_000):
		return "", call.Usage("--batches 2 to 10000", "catalogue: job aws: --batches %d: AWS Batch does not take it",
			j.batches)
	}
	location := j.location
	if !remote {
		absolute, err := filepath.Abs(location)
		if err != nil {
			return "", err
		}
		location = absolute
	}
	if strings.ContainsAny(location, "\n\r") {
		return "", call.Usage("", "catalogue: job: %q: a job cannot name it", location)
	}
	args := []string{"index", "-C", location, "--shard", "auto"}
	environment := []map[string]string{}
	for _, s := range settings() {
		environment = append(environment, map[string]string{"name": s.Name, "value": os.Getenv(s.Name)})
	}
	data := map[string]any{"Batches": j.batches, "Last": j.batches - 1, "Parallel": j.batches,
		"Where":     show.Shell(location),
		"Container": quoted(j.container), "Args": quoted(args), "Environment": settings(), "Directory": "",
		"Command": "index -C " + show.Shell(location) + " --shard auto", "CommandJSON": quoted(args),
		"EnvironmentJSON": quoted(environment)}
	if j.parallel > 0 {
		data["Parallel"] = min(j.parallel, j.batches)
	}
	if !remote {
		data["Directory"] = quoted(location)
	}
	var out strings.Builder
	err := template.Must(template.ParseFS(jobs, "job/"+file)).Execute(&out, data)
	return out.String(), err
}
