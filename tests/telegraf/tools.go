//go:build tools

// Package tools names the program that the bench of the whole hub has beside it, so that go.mod and
// go.sum pin it.
package tools

import _ "github.com/influxdata/telegraf/cmd/telegraf"
