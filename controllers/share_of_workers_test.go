package controllers

import (
	"testing"
	"time"

	"golang.org/x/time/rate"
)

func TestSlowAccountLeavesWorkersToTheOthers(t *testing.T) {
	share := &workerShare{workers: 16}
	account := func() *gateway {
		return &gateway{limiter: rate.NewLimiter(rate.Inf, 1), renewals: rate.NewLimiter(rate.Inf, 1), breaker: newTestBreaker(), share: share, load: &accountLoad{}}
	}
	fill := func(g *gateway) (held []permit) {
		for range 100 {
			var turn time.Time
			if leave, _, _ := g.permit(worldStart, &turn, false); leave != nil {
				held = append(held, leave)
			}
		}
		return held
	}
	slow, slower, other := account(), account(), account()
	held := fill(slow)
	if got := len(held); got != 8 {
		t.Errorf("alone, an account has %d requests under way, want half of the workers", got)
	}
	if got := len(fill(slower)); got != 4 {
		t.Errorf("a second account has %d under way, want half of what was left", got)
	}
	if got := len(fill(other)); got != 2 {
		t.Errorf("a third account has %d under way, want half of what was left", got)
	}
	for _, leave := range held {
		leave(nil)
	}
	if got := len(fill(other)); got == 0 {
		t.Error("workers that were given back are used by nobody")
	}
}

func TestOperationsWithoutAWorkerComeBackOneAfterTheOther(t *testing.T) {
	g := &gateway{limiter: rate.NewLimiter(rate.Inf, 1), renewals: rate.NewLimiter(rate.Inf, 1), breaker: newTestBreaker(), share: &workerShare{workers: 2}, load: &accountLoad{}}
	var turn time.Time
	leave, _, _ := g.permit(worldStart, &turn, false)
	for range 50 {
		g.share.answered(g.load, 2*time.Second)
	}
	for want := slowestReturn; want <= 3*slowestReturn; want += slowestReturn {
		var turn time.Time
		if got, delay, broken := g.permit(worldStart, &turn, false); got != nil || delay != want || broken {
			t.Errorf("leave = %t, delay = %s, broken = %t; want to come back after %s", got != nil, delay, broken, want)
		}
	}
	var called time.Time
	if credit, _, _ := g.permit(worldStart, &called, true); credit == nil {
		t.Error("a pass that has called already is put off")
	}
	leave(nil)
}
