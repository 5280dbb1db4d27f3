package docker

import (
	"net"
	"net/http"
	"strings"
	"testing"
)

// loopback returns a listener that only this machine reaches.
func loopback(t *testing.T) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() }) // may be closed
	return l
}

func TestOnlySoManyClientsAreServedAtOnce(t *testing.T) {
	l := loopback(t)
	few := &limited{Listener: l, free: make(chan struct{}, 2)}
	accepted := make(chan net.Conn)
	go func() {
		for {
			conn, err := few.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- conn
		}
	}()
	for range 3 {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	first := <-accepted
	second := <-accepted
	defer second.Close()
	if n := len(few.free); n != 2 {
		t.Errorf("%d places are taken, want 2", n)
	}
	select {
	case <-accepted:
		t.Fatal("a third client is served beside two")
	default:
	}
	first.Close()
	first.Close() // gives one place back, not two
	third := <-accepted
	defer third.Close()
	if n := len(few.free); n != 2 {
		t.Errorf("%d places are taken, want 2", n)
	}
}

func TestServerWaitsForNoClientForEver(t *testing.T) {
	srv := newServer(http.NotFoundHandler())
	if srv.ReadHeaderTimeout != questionTime || srv.ReadTimeout != questionTime || srv.WriteTimeout != answerTime ||
		srv.IdleTimeout != idleTime {
		t.Errorf("a client may stay: %+v", srv)
	}
	l := loopback(t)
	go srv.Serve(l) // until it is closed
	defer srv.Close()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("A", strings.Repeat("a", 2*mostHeader))
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of %d bytes: %s", 2*mostHeader, answer.Status)
	}
}
