package notification

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
)

// writeCertificate puts a certificate and its key in place of what is there, one file after the other, as tools do that renew them.
func writeCertificate(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "pay.example.test"}, DNSNames: []string{"pay.example.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(file+".new", pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
}

// serial is the serial number of the certificate that the server shows; it returns the connection, too.
func serial(t *testing.T, address string, adjust func(*tls.Config)) (int64, *tls.Conn) {
	t.Helper()
	config := &tls.Config{InsecureSkipVerify: true} // which certificate it is, the test looks at itself
	if adjust != nil {
		adjust(config)
	}
	dialer := &tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: config}
	conn, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	tlsConn := conn.(*tls.Conn)
	return tlsConn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(), tlsConn
}

func TestRenewedCertificateIsServedWithoutARestart(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	if _, err := certwatcher.New(certFile, keyFile); err == nil {
		t.Fatal("started without a certificate")
	}
	writeCertificate(t, certFile, keyFile, 1)
	certs, err := certwatcher.New(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := newDoor()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- (&server{receiver: d.Receiver, listener: listener, certs: certs.WithWatchInterval(200 * time.Millisecond), log: logr.Discard()}).Start(ctx)
	}()
	address := listener.Addr().String()

	first, old := serial(t, address, func(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} })
	if first != 1 || old.ConnectionState().NegotiatedProtocol != "http/1.1" {
		t.Errorf("certificate %d by %q, want 1 by http/1.1", first, old.ConnectionState().NegotiatedProtocol)
	}
	for range 2 { // renewed twice: the watch must outlive the file that it began with
		first++
		writeCertificate(t, certFile, keyFile, first)
		deadline := time.Now().Add(30 * time.Second)
		for {
			got, conn := serial(t, address, nil)
			_ = conn.Close()
			if got == first {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("certificate %d is served, want the renewed one, %d", got, first)
			}
		}
	}
	// The connection that was there before goes on.
	if !acknowledged(t, old, written(paidBody)) {
		t.Error("not acknowledged")
	}

	// What is no certificate changes nothing.
	if err := os.WriteFile(certFile, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, conn := serial(t, address, nil)
	_ = conn.Close()
	if got != first {
		t.Errorf("certificate %d is served, want %d", got, first)
	}

	weak := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}}
	if conn, err := weak.DialContext(t.Context(), "tcp", address); err == nil {
		_ = conn.Close()
		t.Error("TLS 1.1 is spoken")
	}
	plain := exchange(t, address, written(paidBody).text())
	if acknowledges(t, plain) {
		t.Errorf("without TLS: %q", plain)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Start = %v", err)
	}
	if _, err := io.ReadAll(old); err != nil {
		t.Logf("the kept connection ended with %v", err)
	}
}
