package controllers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/alipay-operator/alipay-operator/alipay"
	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// rejected is the gateway's refusal with a code.
func rejected(code string, signed bool) error {
	return &alipay.RejectedError{Result: alipay.Result{ResultCode: code, ResultStatus: "F", ResultMessage: "no"}, Signed: signed}
}

func TestOnlyVerifiedAnswersSettle(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want outcome
	}{
		{"an answer", nil, settled},
		{"nothing left", &alipay.NotSentError{Err: errConnection}, notSent},
		{"nothing left, told by another", fmt.Errorf("paying: %w", &alipay.NotSentError{Err: errConnection}), notSent},
		{"the connection broke", errConnection, unknown},
		{"time is up", context.DeadlineExceeded, unknown},
		{"the signature does not verify", alipay.ErrBadSignature, unknown},
		{"an answer without what must be known", errUnusable, unknown},
		{"a signed refusal", rejected("RISK_REJECT", true), refused},
		{"a signed refusal, told by another", fmt.Errorf("paying: %w", rejected("RISK_REJECT", true)), refused},
		{"an unsigned refusal", rejected("RISK_REJECT", false), refusedIdentity},
		{"an unsigned word that there is no order", rejected("ORDER_NOT_EXIST", false), refusedIdentity},
		{"a signed word that there is no order", rejected("ORDER_NOT_EXIST", true), notFound},
		{"the same as the answer to a request that moves money", &refusedError{rejected("ORDER_NOT_EXIST", true)}, refused},
		{"a signed refusal of the client", rejected("INVALID_CLIENT", true), refusedIdentity},
		{"a signed refusal of the signature", rejected("INVALID_SIGNATURE", true), refusedIdentity},
		{"a signed refusal of the interface", rejected("NO_INTERFACE_DEF", true), refusedIdentity},
		{"a signed refusal without a code", rejected("", true), refused},
		{"a code that was added since", rejected("weird code!", true), refused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := classify(tt.err); got != tt.want {
				t.Errorf("outcome = %s, want %s", got, tt.want)
			}
		})
	}
}

func TestTroubleIsToldInWordsThatStayTheSame(t *testing.T) {
	if got := newTrouble(nil); got != nil {
		t.Errorf("trouble of an answer = %+v, want none", got)
	}
	first := newTrouble(errors.New("read tcp 10.0.0.7:41234: i/o timeout")).problem()
	second := newTrouble(errors.New("read tcp 10.0.0.7:41999: i/o timeout")).problem()
	if diff := cmp.Diff(first.message, second.message); diff != "" {
		t.Errorf("messages of the same trouble (-first +second):\n%s", diff)
	}
	tests := []struct {
		name string
		err  error
		want problem
	}{
		{"a refused account needs a person", rejected("INVALID_CLIENT", true), problem{reason: apiv1.CredentialsRejectedReason, stalled: true}},
		{"an unsigned refusal needs a person", rejected("PROCESS_FAIL", false), problem{reason: apiv1.CredentialsRejectedReason, stalled: true}},
		{"a lost answer does not", errConnection, problem{reason: apiv1.GatewayUnreachableReason}},
		{"a bad signature does not", alipay.ErrBadSignature, problem{reason: apiv1.GatewayUnreachableReason}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := *newTrouble(tt.err).problem()
			got.message = ""
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(problem{})); diff != "" {
				t.Errorf("problem (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWordsOfTheGatewayFitIntoTheStatus(t *testing.T) {
	long := strings.Repeat("é", 40000)
	for _, signed := range []bool{true, false} {
		if got := len(newTrouble(rejected(long, signed)).problem().message); got > 1024 {
			t.Errorf("message has %d bytes, want at most 1024", got)
		}
	}
	got := gatewayResult(alipay.Result{ResultCode: long, ResultStatus: long, ResultMessage: long})
	for _, field := range []struct {
		name string
		text string
		most int
	}{{"code", got.ResultCode, 64}, {"status", got.ResultStatus, 8}, {"message", got.ResultMessage, 256}} {
		if n := utf8.RuneCountInString(field.text); n != field.most || !utf8.ValidString(field.text) {
			t.Errorf("%s has %d characters, want %d", field.name, n, field.most)
		}
	}
}

func TestRefusalKeepsWhatTheGatewaySaid(t *testing.T) {
	want := &apiv1.GatewayResult{ResultCode: "RISK_REJECT", ResultStatus: "F", ResultMessage: "no"}
	if diff := cmp.Diff(want, refusal(&refusedError{rejected("RISK_REJECT", true)})); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&apiv1.GatewayResult{}, refusal(errConnection)); diff != "" {
		t.Errorf("result of no refusal (-want +got):\n%s", diff)
	}
}
