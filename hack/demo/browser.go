package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	apiv1 "github.com/alipay-operator/alipay-operator/api/v1"
)

// press opens a page, presses one of its buttons, and follows where that leads, as a browser does. It stops before it opens the shop's own page,
// which nobody serves here, and returns every address that it was sent to.
func press(ctx context.Context, page, button, shopPage string) (visited []string, err error) {
	browser := &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(next *http.Request, _ []*http.Request) error {
		visited = append(visited, next.URL.String())
		if next.URL.String() == shopPage {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	html, err := fetch(ctx, browser, http.MethodGet, page, "")
	if err != nil {
		return nil, err
	}
	if !strings.Contains(html, `<form method="post">`) || !strings.Contains(html, `name="action" value="`+button+`"`) {
		return nil, fmt.Errorf("the wallet's page has no button %q", button)
	}
	_, err = fetch(ctx, browser, http.MethodPost, page, url.Values{"action": {button}}.Encode())
	return visited, err
}

// fetch is one request and what it answers. Its errors do not name the address, which holds a credential on the way back to the operator.
func fetch(ctx context.Context, browser *http.Client, method, address, form string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form))
	if err != nil {
		return "", err
	}
	if form != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := browser.Do(request)
	var failed *url.Error
	if errors.As(err, &failed) {
		return "", fmt.Errorf("the buyer's browser: %w", failed.Err)
	} else if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if response.StatusCode >= http.StatusBadRequest {
		return "", fmt.Errorf("the buyer's browser got %s: %s", response.Status, text)
	}
	return string(text), err
}

// isReturn checks that the browser went back through the operator, which kept code and state to itself, and returns the operator's path.
func (s *story) isReturn(visited []string, agreement *apiv1.AutoDebitAgreement) (string, error) {
	want := "/return/" + agreement.Namespace + "/" + agreement.Spec.MerchantAccountRef.Name
	if len(visited) != 2 || !strings.HasPrefix(visited[0], s.notificationURL+want+"?") || visited[1] != agreement.Spec.AuthRedirectURL {
		return "", fmt.Errorf("the browser was sent to %d addresses, want %s and then the shop's page alone", len(visited), want)
	}
	return want, nil
}
