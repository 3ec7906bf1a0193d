package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// processTime is what the generator has used of its core so far.
func processTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// overflows counts datagrams that found a socket's buffer full, on the whole machine.
func overflows() int {
	text, err := os.ReadFile("/proc/net/snmp")
	if err != nil {
		return 0
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if fields[0] != "Udp:" {
			continue
		}
		if names == nil {
			names = fields
			continue
		}
		for index, name := range names {
			if name == "RcvbufErrors" {
				count, _ := strconv.Atoi(fields[index])
				return count
			}
		}
	}
	return 0
}
