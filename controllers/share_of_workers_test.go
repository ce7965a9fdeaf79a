package controllers

import (
	"testing"
	"time"
)

func TestSlowAccountLeavesWorkersToTheOthers(t *testing.T) {
	all := &sharedWorkers{count: 16}
	fill := func(q *requestQueue) (held []*leave) {
		for range 100 {
			if told := q.ask(worldStart, &place{}, inTurn); told.leave != nil {
				held = append(held, told.leave)
			}
		}
		return held
	}
	slow, slower, other := unlimitedQueue(all), unlimitedQueue(all), unlimitedQueue(all)
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
		leave.used(0, nil)
	}
	if got := len(fill(other)); got == 0 {
		t.Error("workers that were given back are used by nobody")
	}
}

func TestOperationsWithoutAWorkerComeBackOneAfterTheOther(t *testing.T) {
	q := unlimitedQueue(&sharedWorkers{count: 2})
	first := q.ask(worldStart, &place{}, inTurn)
	for range 50 {
		q.workers.answered(2 * time.Second)
	}
	for want := slowestReturn; want <= 3*slowestReturn; want += slowestReturn {
		if told := q.ask(worldStart, &place{}, inTurn); told.leave != nil || told.wait != want || told.unreachable {
			t.Errorf("leave = %t, delay = %s, broken = %t; want to come back after %s", told.leave != nil, told.wait, told.unreachable, want)
		}
	}
	if credit := q.ask(worldStart, &place{}, onCredit); credit.leave == nil {
		t.Error("a pass that has called already is put off")
	}
	first.leave.used(2*time.Second, nil)
}
