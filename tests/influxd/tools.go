//go:build tools

// Package tools names the programs that the store tests build, so that go.mod and go.sum pin them.
package tools

import (
	_ "github.com/influxdata/influxdb/v2/cmd/influxd"
	_ "github.com/influxdata/pkg-config"
)
