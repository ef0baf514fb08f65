package browsertest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// Priority gives a process and all below it a scheduling priority, in their own scheduler
// groups too: on a shared machine a figure means little without it. Negative needs root.
func Priority(root, nice int) {
	for _, pid := range descendants(root) {
		os.WriteFile(fmt.Sprintf("/proc/%d/autogroup", pid), []byte(strconv.Itoa(nice)), 0o644)
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/[0-9]*", pid))
		for _, task := range tasks {
			tid, _ := strconv.Atoi(filepath.Base(task))
			syscall.Setpriority(syscall.PRIO_PROCESS, tid, nice)
		}
	}
}
