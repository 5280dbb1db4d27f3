package call

import (
	"errors"
	"os"
	"runtime"
	"runtime/pprof"
	"runtime/trace"

	"github.com/spf13/pflag"
)

// profiles are files for those who make layup faster; their flags are not in the help.
type profiles struct {
	cpu, memory, trace string
	open               []*os.File
}

func (p *profiles) flags(f *pflag.FlagSet) {
	f.StringVar(&p.cpu, "cpuprofile", "", "write a profile of the processor to `FILE`")
	f.StringVar(&p.memory, "memprofile", "", "write a profile of the memory to `FILE`")
	f.StringVar(&p.trace, "trace", "", "write an execution trace to `FILE`")
	for _, name := range []string{"cpuprofile", "memprofile", "trace"} {
		f.Lookup(name).Hidden = true
	}
}

// start begins what was asked for; stop ends it and must be called even if start failed.
func (p *profiles) start() error {
	if p.cpu != "" {
		f, err := p.create(p.cpu)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			return err
		}
	}
	if p.trace != "" {
		f, err := p.create(p.trace)
		if err == nil {
			err = trace.Start(f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *profiles) create(name string) (*os.File, error) {
	f, err := os.Create(name)
	if err == nil {
		p.open = append(p.open, f)
	}
	return f, err
}

func (p *profiles) stop() error {
	pprof.StopCPUProfile()
	trace.Stop()
	var errs []error
	if p.memory != "" {
		f, err := p.create(p.memory)
		if err == nil {
			runtime.GC() // what is alive, not what was thrown away
			err = pprof.WriteHeapProfile(f)
		}
		errs = append(errs, err)
	}
	for _, f := range p.open {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
