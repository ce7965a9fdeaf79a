package main

import (
	"flag"
	"testing"

	"go.uber.org/zap/zapcore"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

func TestLogGoesNoFurtherThanItShowsSecrets(t *testing.T) {
	for _, tt := range []struct {
		args []string
		held bool
		want zapcore.Level // the most verbose that is logged; ignored where the default is left alone
	}{
		{nil, false, 0},
		{[]string{"--zap-devel"}, false, 0},
		{[]string{"--zap-log-level=debug"}, false, -1},
		{[]string{"--zap-log-level=7"}, false, -7},
		{[]string{"--zap-log-level=8"}, true, -7},
		{[]string{"--zap-log-level=10", "--zap-devel"}, true, -7},
		{[]string{"--zap-log-level=128"}, true, -7},
	} {
		logging := zap.Options{}
		flags := flag.NewFlagSet("manager", flag.ContinueOnError)
		logging.BindFlags(flags)
		if err := flags.Parse(tt.args); err != nil {
			t.Fatal(err)
		}
		if got := holdLevel(&logging); got != tt.held {
			t.Errorf("%v: held = %t, want %t", tt.args, got, tt.held)
		}
		if tt.want == 0 {
			if logging.Level != nil {
				t.Errorf("%v: level = %v, want the default", tt.args, logging.Level)
			}
			continue
		}
		if !logging.Level.Enabled(tt.want) || logging.Level.Enabled(tt.want-1) {
			t.Errorf("%v: level = %v, want %d", tt.args, logging.Level, tt.want)
		}
	}
}
