package notification

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
)

// pipes is a listener whose connections need no network, so that a test decides how fast time passes.
type pipes struct {
	connections chan net.Conn
	closed      chan struct{}
	once        sync.Once
}

func newPipes() *pipes { return &pipes{connections: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.connections:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// dial waits until the server takes the connection.
func (p *pipes) dial() (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.connections <- there:
		return here, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// started is a server that runs, as the manager runs it.
type started struct {
	*door
	*pipes
	server *server
	stop   context.CancelFunc
	ended  chan error
}

// start must be called within a bubble: no goroutine of the server may be left when the bubble ends.
func start(t *testing.T) *started {
	t.Helper()
	d, p := newDoor(), newPipes()
	ctx, cancel := context.WithCancel(t.Context())
	s := &started{door: d, pipes: p, stop: cancel, ended: make(chan error, 1)}
	s.server = &server{receiver: d.Receiver, listener: p, log: logr.Discard()}
	go func() { s.ended <- s.server.Start(ctx) }()
	synctest.Wait()
	return s
}

// shut ends the server and waits for it.
func (s *started) shut(t *testing.T) {
	t.Helper()
	s.stop()
	if err := <-s.ended; err != nil {
		t.Errorf("Start = %v", err)
	}
}

func (s *started) connect(t *testing.T) net.Conn {
	t.Helper()
	conn, err := s.dial()
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// trickle sends text byte by byte, one in a second, and returns what is answered and how long it was listened to.
func trickle(t *testing.T, conn net.Conn, text string) (answer string, lasted time.Duration) {
	t.Helper()
	began := time.Now()
	ended := make(chan string)
	go func() {
		got, _ := io.ReadAll(conn) // until the server closes
		lasted = time.Since(began)
		ended <- string(got)
	}()
	for _, char := range []byte(text) {
		if _, err := conn.Write([]byte{char}); err != nil {
			break
		}
		time.Sleep(time.Second) // in the bubble's time
	}
	answer = <-ended
	return answer, lasted
}

func TestSlowSendersAreCutOff(t *testing.T) {
	l := written(paidBody)
	head := raw("POST "+testPath+" HTTP/1.1", l.head(fmt.Sprint("Content-Length: ", len(paidBody))), "")
	tests := []struct {
		name, atOnce, slowly string
		after                time.Duration
		answer               string
	}{
		{name: "header", slowly: head, after: headerTimeout},
		{name: "header, the most of it at once", atOnce: head[:len(head)-4], slowly: "\r\nX: 1\r\nX: 2\r\nX: 3", after: headerTimeout},
		{name: "body", atOnce: head, slowly: paidBody, after: readTimeout, answer: constantRefusal},
		{name: "silent", after: headerTimeout},
		{name: "silent before the body", atOnce: head, after: readTimeout, answer: constantRefusal},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := start(t)
				conn := s.connect(t)
				if _, err := io.WriteString(conn, test.atOnce); err != nil {
					t.Fatal(err)
				}
				answer, lasted := trickle(t, conn, test.slowly)
				if lasted > test.after+time.Second {
					t.Errorf("cut off after %v, want %v", lasted, test.after)
				}
				if test.answer != "" && withoutDate(answer) != test.answer || acknowledges(t, answer) {
					t.Errorf("answer = %q, want %q", answer, test.answer)
				}
				s.expectWrites(t)
				s.shut(t)
			})
		})
	}
}

func TestConnectionThatIsIdleIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		conn := s.connect(t)
		for range 2 { // the connection is kept between two notifications
			if !acknowledged(t, conn, written(paidBody)) {
				t.Fatal("not acknowledged")
			}
		}
		began := time.Now()
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) || time.Since(began) > idleTimeout+time.Second {
			t.Errorf("%v after %v, want the end after %v", err, time.Since(began), idleTimeout)
		}
		s.shut(t)
	})
}

// acknowledged sends a notification and reads the answer.
func acknowledged(t *testing.T, conn net.Conn, l letter) bool {
	t.Helper()
	go func() { _, _ = io.WriteString(conn, l.text()) }()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Error(err)
		return false
	}
	return isAcknowledgement(t, response)
}

func TestManySilentConnectionsKeepTheGatewayOutForSecondsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		for range maxConnections {
			_ = s.connect(t)
		}
		synctest.Wait()
		began := time.Now()
		conn := s.connect(t) // waits for a place
		if !acknowledged(t, conn, written(paidBody)) {
			t.Error("not acknowledged")
		}
		if waited := time.Since(began); waited == 0 || waited > headerTimeout+time.Second {
			t.Errorf("waited for %v, want at most %v", waited, headerTimeout)
		}
		_ = conn.Close()
		s.shut(t)
	})
}

func TestShutdownFinishesWhatHasArrived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		if err := s.server.ready(nil); err != nil || s.server.NeedLeaderElection() {
			t.Errorf("ready = %v, needs leader election: %t; want nil, false", err, s.server.NeedLeaderElection())
		}
		conn := s.connect(t)
		text := written(paidBody).text()
		if _, err := io.WriteString(conn, text[:len(text)-1]); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s.stop()
		synctest.Wait()
		if _, err := s.dial(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a new connection: %v, want it refused", err)
		}
		select {
		case err := <-s.ended:
			t.Errorf("ended with a request in flight: %v", err)
		default:
		}
		time.Sleep(time.Second) // in the bubble's time
		go func() { _, _ = io.WriteString(conn, text[len(text)-1:]) }()
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || !isAcknowledgement(t, response) {
			t.Errorf("the request in flight was not acknowledged: %v", err)
		}
		s.expectWrites(t, "patch order")
		if err := <-s.ended; err != nil {
			t.Errorf("Start = %v", err)
		}
		if err := s.server.ready(nil); err == nil {
			t.Error("ready after the end")
		}
	})
}

func TestShutdownDoesNotWaitForASenderWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		conn := s.connect(t)
		text := written(paidBody).text()
		go func() { _, _ = io.WriteString(conn, text[:len(text)-1]) }()
		synctest.Wait()
		began := time.Now()
		s.stop()
		<-s.ended
		if waited := time.Since(began); waited > storeTimeout+longestQueueing {
			t.Errorf("waited for %v, want at most %v", waited, storeTimeout+longestQueueing)
		}
		s.expectWrites(t)
		_, _ = io.ReadAll(conn) // the server is done with it
	})
}

func TestPlacesForWorkAreLimitedAndFreedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor()
		for range maxConcurrent {
			d.slots <- struct{}{}
		}
		began := time.Now()
		if response := d.deliver(t, written(paidBody)); isAcknowledgement(t, response) || time.Since(began) != longestQueueing {
			t.Errorf("answered with %s after %v, want a refusal after %v", response.Status, time.Since(began), longestQueueing)
		}
		d.expectWrites(t)

		// One that waits takes the place of one that has done.
		time.AfterFunc(longestQueueing/2, func() { <-d.slots })
		if response := d.deliver(t, written(paidBody)); !isAcknowledgement(t, response) {
			t.Errorf("answer = %s", response.Status)
		}
		d.expectWrites(t, "patch order")
		if got := len(d.slots); got != maxConcurrent-1 {
			t.Errorf("%d places taken, want %d", got, maxConcurrent-1)
		}
		d.deliver(t, forged(paidBody))
		if got := len(d.slots); got != maxConcurrent-1 {
			t.Errorf("%d places taken after a refusal, want %d", got, maxConcurrent-1)
		}
	})
}

func TestFreePlaceIsTakenWhenTheSenderHasGone(t *testing.T) {
	d := newDoor()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 {
		if !d.takeSlot(ctx) {
			t.Fatal("not taken")
		}
	}
}

func TestForgeriesAreVerifiedOneAtATimeAndAGenuineOneGetsThrough(t *testing.T) {
	var all suspicion
	now := time.Now()
	s := all.of(testName)
	bad := errors.New("forged")

	// Two at once, at first: each waits for the other.
	met := make(chan struct{})
	var both sync.WaitGroup
	both.Go(func() { _ = s.verify(now, func() error { met <- struct{}{}; return bad }) })
	both.Go(func() { _ = s.verify(now, func() error { <-met; return bad }) })
	both.Wait()
	for range failureBurst {
		if err := s.verify(now, func() error { return bad }); !errors.Is(err, bad) {
			t.Fatalf("verify = %v, want the verification's own error", err)
		}
	}

	// Then one at a time, and each has its turn.
	var running, most, genuine atomic.Int32
	enter, leave := make(chan struct{}), make(chan struct{})
	var queue sync.WaitGroup
	verification := func(err error) func() error {
		return func() error {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			enter <- struct{}{}
			<-leave
			return err
		}
	}
	const waiting = 40
	for i := range waiting {
		queue.Go(func() {
			if i == waiting/2 {
				if s.verify(now, verification(nil)) == nil {
					genuine.Add(1)
				}
				return
			}
			_ = s.verify(now, verification(bad))
		})
	}
	for range waiting {
		<-enter
		// Another account has nothing to do with it.
		if err := all.of(otherName).verify(now, func() error { return nil }); err != nil {
			t.Error(err)
		}
		leave <- struct{}{}
	}
	queue.Wait()
	if most.Load() != 1 || genuine.Load() != 1 {
		t.Errorf("%d verified at once and %d genuine ones through, want 1 and 1", most.Load(), genuine.Load())
	}

	// After a while they are trusted again.
	later := now.Add(failureBurst / failuresPerSecond * time.Second)
	both.Go(func() { _ = s.verify(later, func() error { met <- struct{}{}; return nil }) })
	both.Go(func() { _ = s.verify(later, func() error { <-met; return nil }) })
	both.Wait()
}

func TestGenuineNotificationGetsThroughAFloodOfForgeries(t *testing.T) {
	d := newDoor()
	address := d.listen(t)
	forgery := forged(paidBody).text()
	var flood sync.WaitGroup
	for range 8 {
		flood.Go(func() {
			for range 25 {
				if answer := exchange(t, address, forgery); withoutDate(answer) != constantRefusal {
					t.Errorf("a forged one: %q", answer)
				}
			}
		})
	}
	for i := range 25 {
		body := strings.Replace(paidBody, "25800", fmt.Sprint(25800+i), 1)
		if answer := exchange(t, address, written(body).text()); !acknowledges(t, answer) {
			t.Errorf("a genuine one: %q", answer)
		}
	}
	flood.Wait()
	if got := len(d.written()); got != 25 {
		t.Errorf("%d writes, want 25", got)
	}
}
