module gatepost/tests/telegraf

go 1.25.0

require github.com/influxdata/telegraf v1.36.4
