package catalogue

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/pflag"

	"layup/analyze/catalogue"
	"layup/analyze/catalogue/place"
	"layup/analyze/show"
	"layup/report/call"
	"layup/report/render"
)

// arrays are the variables by which engines of array jobs number their tasks, from 0.
var arrays = []string{"JOB_COMPLETION_INDEX", "SLURM_ARRAY_TASK_ID", "AWS_BATCH_JOB_ARRAY_INDEX"}

// An array is what the flags say of an array job.
type array struct {
	plan  *int
	shard *string
	seal  *bool
}

func arrayOf(f *pflag.FlagSet) array {
	return array{
		plan:  f.Int("plan", 0, "divide the work into `N` batches for --shard, by manifests and configs alone"),
		shard: f.String("shard", "", "do one batch of the plan: its `NUMBER`, auto for that of this task, or all"),
		seal:  f.Bool("seal", false, "after all batches: say what is missing, and merge small parts"),
	}
}

// check returns an error unless the flags and the sources fit together.
func (a array) check(c *call.Call, f *pflag.FlagSet) error {
	chosen := 0
	for _, name := range []string{"plan", "shard", "seal"} {
		if f.Changed(name) {
			chosen++
		}
	}
	if chosen > 1 {
		return call.Usage("first --plan N, then --shard auto in each task, then --seal",
			"index: --plan, --shard and --seal exclude each other")
	}
	without := *a.seal || *a.shard != ""
	switch {
	case f.Changed("plan") && *a.plan < 1:
		return call.Usage("", "index: --plan %d: a plan has one batch or more", *a.plan)
	case f.Changed("shard") && *a.shard == "":
		return call.Usage("", "index: --shard is empty")
	case without && len(c.Args) > 0:
		return call.Usage("", "index: --shard and --seal take no source: the plan names them")
	case !without && len(c.Args) == 0:
		return call.Usage("layup index -C fleet images/*.tar", "index: no source")
	}
	return nil
}

// numbers returns the batches that --shard means.
func (a array) numbers(plan catalogue.Plan) (list []int, err error) {
	text := *a.shard
	switch text {
	case "all":
		for number := range plan.Batches {
			list = append(list, number)
		}
		return list, nil
	case "auto":
		if text, err = task(); err != nil {
			return nil, err
		}
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < 0 {
		return nil, call.Usage("--shard auto, --shard all, or a number from 0", "index: --shard %q: is not a batch", text)
	}
	return []int{number}, nil
}

// task returns the number of this task of an array job.
func task() (string, error) {
	var text, from string
	for _, name := range arrays {
		value := os.Getenv(name)
		if value == "" {
			continue
		}
		if from != "" && value != text {
			return "", call.Usage("--shard N names the batch", "index: %s=%s and %s=%s number this task differently", from,
				text, name, value)
		}
		text, from = value, name
	}
	if from == "" {
		return "", call.Usage("--shard N names the batch; layup catalogue job prints a job that sets it",
			"index: this is not a task of an array job: none of JOB_COMPLETION_INDEX, SLURM_ARRAY_TASK_ID and "+
				"AWS_BATCH_JOB_ARRAY_INDEX is set")
	}
	return text, nil
}

// open opens the catalogue. Only what adds sources makes one.
func (a array) open(ctx context.Context, p place.Place, digests *bool) (*catalogue.Catalogue, error) {
	if *a.shard != "" || *a.seal {
		return catalogue.Open(ctx, p)
	}
	return catalogue.Create(ctx, p, digests)
}

// run does what the flags say, and reports whether they say anything.
func (a array) run(ctx context.Context, c *call.Call, cat *catalogue.Catalogue, sources []string,
	opt catalogue.IndexOptions) (int, bool, error) {
	switch {
	case *a.plan > 0:
		plan, done, err := cat.Plan(ctx, sources, *a.plan, opt)
		if err != nil {
			return call.Failed, true, err
		}
		status, err := planned(ctx, c, cat, plan, done)
		return status, true, err
	case *a.shard != "":
		status, err := a.shards(ctx, c, cat, opt)
		return status, true, err
	case *a.seal:
		sealed, err := cat.Seal(ctx)
		if err != nil {
			return call.Failed, true, err
		}
		status, err := seal(ctx, c, cat, sealed)
		return status, true, err
	}
	return 0, false, nil
}

// shards does batches one after another.
func (a array) shards(ctx context.Context, c *call.Call, cat *catalogue.Catalogue,
	opt catalogue.IndexOptions) (int, error) {
	plan, err := cat.Planned(ctx)
	if err != nil {
		return call.Failed, err
	}
	numbers, err := a.numbers(plan)
	if err != nil {
		return call.Failed, err
	}
	var all catalogue.Indexed
	for _, number := range numbers {
		done, err := cat.Shard(ctx, number, opt)
		if err != nil {
			return call.Failed, err
		}
		all.Add(done)
	}
	section := summary(all)
	section.Footer = fmt.Sprintf("%s: %s read (%s), %d known already; %d rows written",
		show.Count(len(numbers), "batch", "batches"), show.Count(all.Layers, "layer"), show.Size(all.Bytes), all.Known,
		all.Rows)
	return finish(ctx, c, section, all)
}

// planned says what a plan holds, and what could not be planned.
func planned(ctx context.Context, c *call.Call, cat *catalogue.Catalogue, plan catalogue.Plan,
	done catalogue.Indexed) (int, error) {
	section := failures.Section(done.Failures)
	section.Extra = []render.Extra{{Name: "imagesFound", Value: int64(done.Images)},
		{Name: "imagesNew", Value: int64(done.New)}, {Name: "batches", Value: int64(plan.Batches)},
		{Name: "layersPlanned", Value: int64(plan.Layers)}, {Name: "bytesPlanned", Value: plan.Bytes}}
	section.Footer = fmt.Sprintf("%s, %d of them new; %s to read (%s) in %s; next: layup index -C %s "+
		"--shard 0 to %d, then --seal", show.Count(done.Images, "image"), done.New, show.Count(plan.Layers, "layer"),
		show.Size(plan.Bytes),
		show.Count(plan.Batches, "batch", "batches"), show.Shell(cat.Place.String()), plan.Batches-1)
	return finish(ctx, c, section, done)
}

var missing = render.Table[catalogue.Missing]{
	render.IntOf("batch", func(m catalogue.Missing) int { return m.Batch }).Column("BATCH"),
	render.IntOf("layers", func(m catalogue.Missing) int { return m.Layers }).Column("LAYERS"),
	render.IntOf("bytes", func(m catalogue.Missing) int64 { return m.Bytes }).Column("SIZE", render.Sized),
}

// seal says what is missing, and what was merged.
func seal(ctx context.Context, c *call.Call, cat *catalogue.Catalogue, s catalogue.Sealed) (int, error) {
	section := missing.Section(s.Missing)
	section.Extra = []render.Extra{{Name: "layers", Value: int64(s.Layers)},
		{Name: "layersFailed", Value: int64(s.Failed)},
		{Name: "partsBefore", Value: int64(s.Before)}, {Name: "parts", Value: int64(s.After)}}
	status := call.Answered
	if len(s.Missing) > 0 {
		status = call.Refuted
		section.Footer = fmt.Sprintf("%s to do, nothing was merged; run layup index -C %s --shard %d",
			show.Count(len(s.Missing), "batch", "batches"), show.Shell(cat.Place.String()), s.Missing[0].Batch)
	} else {
		section.Footer = fmt.Sprintf("complete: %s, %d could not be read; %d parts, %d before", show.Count(s.Layers, "layer"),
			s.Failed, s.After, s.Before)
		section.Text = func(io.Writer, render.Terminal) error { return nil }
	}
	return status, c.WriteDoc(ctx, render.Doc{Command: c.Command.Name, Sections: []render.Section{section}})
}
