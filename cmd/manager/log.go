package main

import (
	"go.uber.org/zap/zapcore"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// mostVerbose is the last level of the log. Beyond it client-go logs the bodies of what it sends and reads, Secrets among them.
const mostVerbose zapcore.Level = -7

// holdLevel keeps the log from going beyond the last level, and reports whether it would have.
func holdLevel(logging *zap.Options) bool {
	if logging.Level == nil || !logging.Level.Enabled(mostVerbose-1) {
		return false
	}
	logging.Level = mostVerbose
	return true
}
