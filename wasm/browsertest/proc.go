package browsertest

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Root is the repository's top folder.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// PeakRSS is the largest resident size, in bytes, that any one process of the browser has had:
// the renderer of the tab that works. The peers are measured the same way. Linux only; 0 elsewhere.
func (b *Browser) PeakRSS() int64 {
	var peak int64
	for _, pid := range descendants(b.PID()) {
		peak = max(peak, statusKB(pid, "VmHWM:")*1024)
	}
	return peak
}

func statusKB(pid int, field string) int64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, field); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n
		}
	}
	return 0
}

// descendants lists a process and all below it.
func descendants(root int) []int {
	kids := map[int][]int{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		stat, err := os.ReadFile(dir + "/stat")
		if err != nil {
			continue // it has ended
		}
		// The name in parentheses may hold anything; the parent is the second field after it.
		rest := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		parent, _ := strconv.Atoi(rest[1])
		kids[parent] = append(kids[parent], pid)
	}
	all := []int{root}
	for i := 0; i < len(all); i++ {
		all = append(all, kids[all[i]]...)
	}
	return all
}

// ticks is the unit of CPU time in /proc, per second, on every Linux that Go supports.
const ticks = 100

// busyTicks is what all processes have used since the machine started.
func busyTicks() float64 {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(data), "\n")
	sum := 0.0
	for i, f := range strings.Fields(first)[1:] {
		if v, err := strconv.ParseFloat(f, 64); err == nil && i != 3 && i != 4 && i < 8 { // not idle, not waiting
			sum += v
		}
	}
	return sum
}

// ownTicks is what the browser's processes and this one have used.
func ownTicks(root int) float64 {
	sum := selfTicks()
	for _, pid := range descendants(root) {
		sum += pidTicks(pid)
	}
	return sum
}

func selfTicks() float64 { return pidTicks(os.Getpid()) }

// pidTicks is what one process has used; one that has ended has used nothing.
func pidTicks(pid int) float64 {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, _ := strconv.ParseFloat(f[11], 64)
	system, _ := strconv.ParseFloat(f[12], 64)
	return user + system
}

// WatchCPU begins to watch; the function it returns says how many CPUs other processes than
// the browser used since. A figure taken while others worked is worth less.
func WatchCPU(root int) (others func() float64) {
	all, own, start := busyTicks(), ownTicks(root), time.Now()
	return func() float64 {
		used := (busyTicks() - all) - (ownTicks(root) - own)
		return max(0, used/ticks/time.Since(start).Seconds())
	}
}

// Quiet waits until other processes use less than a third of a CPU, at most for the time given.
func Quiet(patience time.Duration) {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		all, start := busyTicks(), time.Now()
		time.Sleep(500 * time.Millisecond)
		if (busyTicks()-all)/ticks/time.Since(start).Seconds() < 0.3 {
			return
		}
	}
}
