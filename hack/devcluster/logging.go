package main

import (
	"flag"
	"io"
	"strconv"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
)

// configureLogging sends warnings and errors of Kubernetes to standard error, and everything up to the given level when
// it is above 0.
func configureLogging(verbosity int) {
	flags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(flags)
	set := func(name, value string) { utilruntime.Must(flags.Set(name, value)) }

	set("v", strconv.Itoa(verbosity))
	if verbosity == 0 {
		// klog has no threshold for its standard error mode, so it logs "to files", which are nowhere, and copies
		// what matters to standard error.
		set("logtostderr", "false")
		set("legacy_stderr_threshold_behavior", "false")
		set("stderrthreshold", "WARNING")
		klog.SetOutput(io.Discard)
	}
	// The server calls its own deprecated APIs; nobody here can act on that.
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
}
