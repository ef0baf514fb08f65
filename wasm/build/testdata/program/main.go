// Program does what a rewritten module could get wrong: jumps both ways, goroutines that stop
// within calls, stacks that grow while they hold pointers, collections, defers that recover,
// faults of every kind. It prints what it computes and ends by a fault.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strings"
	"sync"
	"time"
)

type node struct {
	next *node
	text string
	pad  [6]int
}

func main() {
	fmt.Println("collatz", collatz(97), "primes", primes(200))
	fmt.Println("deep", deep(3000, &node{text: "top"}))
	fmt.Println("pipeline", pipeline(500))
	fmt.Println("garbage", garbage())
	for _, f := range []func(){index, slice, null, divide, assert, custom, nested} {
		fmt.Println(recovered(f))
	}
	fmt.Println("json", jsonRound())
	fmt.Println("sorted", sorted(300))
	fmt.Println("select", choose())
	fmt.Println("trace", traced())
	fall(len(os.Args) + 3)
}

func collatz(n int) (steps int) {
	for ; n != 1; steps++ {
		if n%2 == 0 {
			n /= 2
			continue
		}
		n = 3*n + 1
	}
	return steps
}

func primes(limit int) (sum int) {
outer:
	for n := 2; n < limit; n++ {
		for d := 2; d*d <= n; d++ {
			if n%d == 0 {
				continue outer
			}
		}
		switch {
		case n < 10:
			sum += n
		case n%10 == 7:
			sum += 2 * n
		default:
			sum++
		}
	}
	return sum
}

// deep grows its stack many times over; every frame holds a pointer into the one above.
func deep(n int, above *node) int {
	here := node{next: above, text: above.text, pad: [6]int{n}}
	if n == 0 {
		runtime.GC()
		count := 0
		for at := &here; at != nil; at = at.next {
			count += len(at.text)
		}
		return count
	}
	return deep(n-1, &here) + here.pad[0] - n
}

func pipeline(n int) (sum int) {
	first, last := make(chan int), make(chan int, 3)
	var wg sync.WaitGroup
	for range 7 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for v := range first {
				runtime.Gosched()
				last <- v * v
			}
		}()
	}
	go func() {
		for i := range n {
			first <- i
		}
		close(first)
		wg.Wait()
		close(last)
	}()
	for v := range last {
		sum += v
	}
	return sum
}

func garbage() int {
	kept := map[string]*node{}
	for i := range 20000 {
		n := &node{text: strings.Repeat("x", i%50)}
		n.next = kept[fmt.Sprint(i%97)]
		if i%13 == 0 {
			n.next = nil
		}
		kept[fmt.Sprint(i%97)] = n
		if i%5000 == 0 {
			runtime.GC()
		}
	}
	total := 0
	for _, n := range kept {
		for ; n != nil; n = n.next {
			total += len(n.text)
		}
	}
	return total
}

func recovered(f func()) (text string) {
	defer func() {
		r := recover()
		runtime.GC()
		text = fmt.Sprintf("recovered %v", r)
	}()
	f()
	return "nothing"
}

var zero int

func index()  { _ = []int{1, 2}[zero+2] }
func slice()  { _ = "text"[zero+3 : zero+2] }
func null()   { _ = (*node)(nil).pad[zero] }
func divide() { _ = 1 / zero }
func assert() { _ = any("text").(int) }
func custom() { panic(fmt.Errorf("an error: %w", errors.ErrUnsupported)) }

func nested() {
	defer func() {
		r := recover()
		defer func() { panic(fmt.Sprint(recover(), " after ", r)) }()
		panic("second")
	}()
	for i := range 3 {
		defer func() { zero += i - 1 }()
	}
	panic("first")
}

func jsonRound() string {
	type inner struct {
		A []float64         `json:"a"`
		M map[string]uint16 `json:"m,omitempty"`
		T time.Duration
	}
	out, err := json.Marshal(inner{[]float64{1, 2.5, -1e-9}, map[string]uint16{"b": 2, "a": 1}, time.Second})
	var back inner
	if err == nil {
		err = json.Unmarshal(out, &back)
	}
	return fmt.Sprint(string(out), back, err)
}

func sorted(n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = fmt.Sprintf("%03d", i*7919%n)
	}
	sort.Strings(words)
	return words[0] + words[n/2] + words[n-1]
}

func choose() (sum int) {
	a, b := make(chan int), make(chan int)
	go func() {
		for i := range 10 {
			select {
			case a <- i:
			case b <- 100 * i:
			}
		}
	}()
	for range 10 {
		select {
		case v := <-a:
			sum += v % 100
		case v := <-b:
			sum += v / 100
		}
	}
	select {
	case <-a:
		return -1
	case <-time.After(5 * time.Millisecond):
		return sum
	}
}

// traced names the functions that called it.
func traced() (names string) {
	pc := make([]uintptr, 8)
	frames := runtime.CallersFrames(pc[:runtime.Callers(1, pc)])
	for {
		f, more := frames.Next()
		names += f.Function + " "
		if !more {
			return names
		}
	}
}

func fall(n int) int { return []int{1}[n] }
