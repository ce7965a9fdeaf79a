package main

import (
	"flag"
	"io"
	"os"
	"strconv"
	"sync"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"google.golang.org/grpc/grpclog"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
)

// heldLog passes log lines on to standard error, except while it holds them. Starting and stopping upstream logs dozens
// of warnings about parts that are not there yet or no longer; they matter only when the start or the stop fails.
type heldLog struct {
	mutex   sync.Mutex
	out     io.Writer
	holding bool
	held    []byte
}

func (l *heldLog) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if !l.holding {
		return l.out.Write(p)
	}
	l.held = append(l.held, p...)
	return len(p), nil
}

// hold keeps what is logged from now on.
func (l *heldLog) hold() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.holding = true
}

// pass forgets what was held and lets through what follows.
func (l *heldLog) pass() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.holding, l.held = false, nil
}

// tell lets through what was held and what follows.
func (l *heldLog) tell() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	_, _ = l.out.Write(l.held)
	l.holding, l.held = false, nil
}

// configureLogging sends what Kubernetes logs to the returned log: warnings and errors, or at a verbosity above 0
// everything up to that level, and then straight to standard error.
func configureLogging(verbosity int) *heldLog {
	log := &heldLog{out: os.Stderr}
	flags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(flags)
	set := func(name, value string) { utilruntime.Must(flags.Set(name, value)) }
	set("v", strconv.Itoa(verbosity))
	if verbosity == 0 {
		// klog has no threshold when it logs to standard error. So it logs to "files", one for each severity, of
		// which that for warnings also gets everything worse.
		set("logtostderr", "false")
		set("legacy_stderr_threshold_behavior", "false")
		set("stderrthreshold", "FATAL")
		klog.SetOutput(io.Discard)
		klog.SetOutputBySeverity("WARNING", log)
		// Every etcd client that is closed while it connects would be a warning.
		grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, log))
	}
	// The server calls its own deprecated APIs; nobody here can act on that.
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	return log
}

// newEtcdLogger logs the errors of etcd.
func newEtcdLogger(log io.Writer) *zap.Logger {
	config := zap.NewProductionEncoderConfig()
	config.EncodeTime = zapcore.ISO8601TimeEncoder
	return zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(config), zapcore.AddSync(log), zapcore.ErrorLevel))
}
