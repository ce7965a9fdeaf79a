package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

const (
	// etcdStartTimeout bounds opening the data and electing the only member.
	etcdStartTimeout = 60 * time.Second

	etcdStopTimeout = time.Second

	// maxSocketPath is what every system accepts for the path of a unix socket (macOS allows 104 bytes, Linux 108).
	maxSocketPath = 100

	// etcdQuotaBytes is room for long benchmarks; etcd's own default of 2 GiB turns read-only when it is full.
	etcdQuotaBytes = 8 << 30
)

// etcdServer is an embedded etcd of one member that only this user can reach: clients come by a unix socket in a
// directory of mode 0700, and there is no listener for peers at all.
type etcdServer struct {
	etcd     *embed.Etcd
	endpoint string
	cleanup  func()
}

func startEtcd(ctx context.Context, dir string, noFsync bool, log io.Writer) (_ *etcdServer, err error) {
	socket, cleanup, err := socketPath(dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			cleanup()
		}
	}()

	cfg := embed.NewConfig()
	cfg.Dir = filepath.Join(dir, "etcd")
	cfg.ListenClientUrls = []url.URL{{Scheme: "unix", Path: socket}}
	cfg.ListenPeerUrls = nil
	cfg.EnableGRPCGateway = false
	cfg.UnsafeNoFsync = noFsync
	cfg.QuotaBackendBytes = etcdQuotaBytes
	// A single member waits one election timeout before it may serve. Nobody else can vote, so it need not be long.
	cfg.TickMs, cfg.ElectionMs = 50, 250
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(newEtcdLogger(log))

	etcd, err := embed.StartEtcd(cfg)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			etcd.Close()
		}
	}()
	select {
	case <-etcd.Server.ReadyNotify():
	case err := <-etcd.Err():
		return nil, err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(etcdStartTimeout):
		return nil, errors.New("no leader in time")
	}
	return &etcdServer{etcd: etcd, endpoint: "unix://" + socket, cleanup: cleanup}, nil
}

// failed reports why etcd stopped by itself.
func (e *etcdServer) failed() <-chan error { return e.etcd.Err() }

// stop closes etcd. The API server should have stopped: its watches are what closing waits for. When it has not, ending
// the process is as good: whatever was acknowledged is in the write-ahead log.
func (e *etcdServer) stop() {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		e.etcd.Close()
	}()
	select {
	case <-closed:
	case <-time.After(etcdStopTimeout):
	}
	e.cleanup()
}

// socketPath says where etcd listens: in dir, or in a new private directory where dir is too long a name for a socket.
func socketPath(dir string) (path string, cleanup func(), err error) {
	if path := filepath.Join(dir, "etcd.sock"); len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	short, err := os.MkdirTemp("", "devcluster-") // mode 0700
	if err != nil {
		return "", nil, err
	}
	path = filepath.Join(short, "etcd.sock")
	if len(path) > maxSocketPath {
		_ = os.Remove(short)
		return "", nil, fmt.Errorf("%s and the directory for temporary files are both too long for a unix socket", dir)
	}
	return path, func() { _ = os.RemoveAll(short) }, nil
}
