package main

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/alipay-operator/alipay-operator/internal/simulator"
)

func TestMovementsAreInOneOrderHoweverRefundsOfOneTimeWereBooked(t *testing.T) {
	want := []simulator.Entry{
		{Kind: simulator.EntryAuthorise, PaymentRequestID: "z"},
		{Kind: simulator.EntryCapture, PaymentRequestID: "z", Reference: "of z"},
		{Kind: simulator.EntryRefund, PaymentRequestID: "z", Reference: "a part of z"},
		{Kind: simulator.EntryRefund, PaymentRequestID: "z", Reference: "more of z"},
		{Kind: simulator.EntryCharge, PaymentRequestID: "a"},
		{Kind: simulator.EntryDispute, PaymentRequestID: "a", Reference: "7"},
		{Kind: simulator.EntryRefund, PaymentRequestID: "a", Reference: "of a"},
	}
	isFirst := func(e simulator.Entry) bool { return e.Reference == "" } // buyers pay one after the other
	for range 100 {
		later := slices.DeleteFunc(slices.Clone(want), isFirst)
		rand.Shuffle(len(later), func(i, j int) { later[i], later[j] = later[j], later[i] }) // any order will do
		booked := append(slices.DeleteFunc(slices.Clone(want), func(e simulator.Entry) bool { return !isFirst(e) }), later...)
		for i := range booked {
			booked[i].Number = i + 1
		}
		got := inOrder(booked)
		for i := range got {
			got[i].Number = 0
		}
		if !slices.Equal(got, want) {
			t.Fatalf("booked as %+v\nshown as %+v", booked, got)
		}
	}
}
