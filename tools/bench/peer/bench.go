// SPDX-License-Identifier: MIT

// The benchmarks of gtbench in Go: the same loops under the same names, and the same
// options and output. Build: go build -o gobench bench.go
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	wave         = 1000
	buffer       = 128
	lockers      = 8
	readMostly   = 100
	mapKeys      = 1000
	skynetLeaves = 1000000
	skynetWays   = 10
	block        = 20 * time.Millisecond
	quiet        = 15 * time.Millisecond
	samplesMin   = 50
	taskBytes    = 5 << 10
)

var (
	scale    = flag.Float64("scale", 1, "do everything `F` times as often as usual")
	fixedOps = flag.Int("ops", 0, "do everything `N` times")
	cpu      = flag.Bool("cpu", false, "measure loops in time on processors")
	workers  = flag.Int("workers", 1, "processors")
)

func ops(usual int) int {
	n := int(float64(usual) * *scale)
	if *fixedOps > 0 {
		n = *fixedOps
	}
	return max(n, 1)
}

func samples(usual int) int {
	if *fixedOps > 0 {
		return *fixedOps
	}
	return max(ops(usual), samplesMin)
}

func out(name string, value float64) {
	fmt.Printf("%s %.3f\n", name, value)
}

// The time that loops are measured with: real, or with -cpu of all processors.
func clock() int64 {
	const monotonic, process = 1, 2
	var ts syscall.Timespec
	id := uintptr(monotonic)
	if *cpu {
		id = process
	}
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, id, uintptr(unsafe.Pointer(&ts)), 0)
	return ts.Nano()
}

func outEach(name string, start int64, ops int) {
	out(name, float64(clock()-start)/float64(ops))
}

func outPercentiles(name string, samples []int64) {
	sort.Slice(samples, func(i, j int) bool { return samples[i] < samples[j] })
	out(name+"_p50", float64(samples[len(samples)/2]))
	out(name+"_p99", float64(samples[len(samples)*99/100]))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func procBytes(path string, keys ...string) (bytes int64) {
	text, err := os.ReadFile(path)
	check(err)
	for _, line := range strings.Split(string(text), "\n") {
		for _, key := range keys {
			if strings.HasPrefix(line, key) {
				kb, err := strconv.ParseInt(strings.Fields(line)[1], 10, 64)
				check(err)
				bytes += kb * 1024
			}
		}
	}
	return bytes
}

func memory() int64 {
	return procBytes("/proc/self/status", "VmRSS:", "VmPTE:")
}

// Tasks.

func yield(name string, tasks, ops int) {
	var wg sync.WaitGroup
	times := (ops + tasks - 1) / tasks
	wg.Add(tasks)
	start := clock()
	for range tasks {
		go func() {
			for range times {
				runtime.Gosched()
			}
			wg.Done()
		}()
	}
	wg.Wait()
	outEach(name, start, times*tasks)
}

func spawn(name string, count, ops int) {
	times := (ops + count - 1) / count
	start := clock()
	for range times {
		var wg sync.WaitGroup
		wg.Add(count)
		for range count {
			go wg.Done()
		}
		wg.Wait()
	}
	outEach(name, start, times*count)
}

// Channels.

func pingpong() {
	there, back := make(chan int64), make(chan int64)
	n := ops(3000000)
	go func() {
		for range n {
			back <- <-there
		}
	}()
	start := clock()
	for i := range n {
		there <- int64(i)
		<-back
	}
	outEach("pingpong", start, n)
}

func buffered(name string, each, ops int) {
	var producers, consumers sync.WaitGroup
	c := make(chan int64, buffer)
	count := (ops + each - 1) / each
	producers.Add(each)
	consumers.Add(each)
	start := clock()
	for range each {
		go func() {
			for i := range count {
				c <- int64(i)
			}
			producers.Done()
		}()
		go func() {
			for range c {
			}
			consumers.Done()
		}()
	}
	producers.Wait()
	close(c)
	consumers.Wait()
	outEach(name, start, count*each)
}

// Select.

func selectReady() {
	var c [4]chan int64
	for i := range c {
		c[i] = make(chan int64, 1)
	}
	n := ops(5000000)
	start := clock()
	for i := range n {
		c[i&3] <- int64(i)
		select {
		case <-c[0]:
		case <-c[1]:
		case <-c[2]:
		case <-c[3]:
		}
	}
	outEach("select_ready", start, n)
}

func selectDefault() {
	a, b := make(chan int64, 1), make(chan int64, 1)
	n := ops(20000000)
	start := clock()
	for range n {
		select {
		case <-a:
		case <-b:
		default:
		}
	}
	outEach("select_default", start, n)
}

func selectBlock() {
	var c [4]chan int64
	each := (ops(2000000) + 3) / 4
	for i := range c {
		c[i] = make(chan int64)
		go func() {
			for k := range each {
				c[i] <- int64(k)
			}
		}()
	}
	start := clock()
	for range each * 4 {
		select {
		case <-c[0]:
		case <-c[1]:
		case <-c[2]:
		case <-c[3]:
		}
	}
	outEach("select_block", start, each*4)
}

func selectPingpong() {
	there, back, quit := make(chan int64), make(chan int64), make(chan int64)
	n := ops(2000000)
	go func() {
		for range n {
			select {
			case value := <-there:
				back <- value
			case <-quit:
			}
		}
	}()
	start := clock()
	for i := range n {
		there <- int64(i)
		select {
		case <-back:
		case <-quit:
		}
	}
	outEach("select_pingpong", start, n)
}

func skynetNode(up chan int64, number, leaves int64) {
	if leaves < skynetWays {
		up <- number
		return
	}
	c := make(chan int64)
	share := leaves / skynetWays
	for i := range int64(skynetWays) {
		go skynetNode(c, number+i*share, share)
	}
	var sum int64
	for range skynetWays {
		sum += <-c
	}
	up <- sum
}

func skynet(name string) {
	leaves := int64(skynetLeaves)
	for leaves > int64(ops(skynetLeaves)) && leaves > skynetWays {
		leaves /= skynetWays
	}
	start := clock()
	c := make(chan int64)
	go skynetNode(c, 0, leaves)
	if <-c != leaves*(leaves-1)/2 {
		panic("skynet: the sum is wrong")
	}
	out(name, float64(clock()-start)*skynetLeaves/float64(leaves))
}

// Locks, and what is shared by them or without them.

var shared int

func mutex() {
	var mu sync.Mutex
	n := ops(20000000)
	start := clock()
	for range n {
		mu.Lock()
		shared++
		mu.Unlock()
	}
	outEach("mutex", start, n)
}

// ops, shared out among lockers tasks.
func atOnce(name string, ops int, fn func(each int)) {
	var wg sync.WaitGroup
	each := (ops + lockers - 1) / lockers
	start := clock()
	for range lockers {
		wg.Go(func() { fn(each) })
	}
	wg.Wait()
	outEach(name, start, each*lockers)
}

func mutexTasks() {
	var mu sync.Mutex
	atOnce("mutex_8", ops(10000000), func(each int) {
		for range each {
			mu.Lock()
			shared++
			mu.Unlock()
		}
	})
}

func rwmutexTasks() {
	var mu sync.RWMutex
	atOnce("rwmutex", ops(10000000), func(each int) {
		sum := 0
		for i := range each {
			if i%readMostly != 0 {
				mu.RLock()
				sum += shared
				mu.RUnlock()
			} else {
				mu.Lock()
				shared++
				mu.Unlock()
			}
		}
		if sum < 0 {
			panic("rwmutex: the sum is negative")
		}
	})
}

func mapLoad() {
	var m sync.Map
	for key := range mapKeys {
		m.Store(key, key)
	}
	atOnce("map_load", ops(10000000), func(each int) {
		for i := range each {
			if _, ok := m.Load(i % mapKeys); !ok {
				panic("map_load: a key is not there")
			}
		}
	})
}

func pool() {
	p := sync.Pool{New: func() any { return new([64]byte) }}
	atOnce("pool", ops(10000000), func(each int) {
		for range each {
			p.Put(p.Get())
		}
	})
}

// Waiting.

func parked(name string, count int) {
	available := procBytes("/proc/meminfo", "MemAvailable:")
	if available < int64(count)*taskBytes {
		fmt.Printf("# skipped: %d parked tasks need %d MB of memory, and there are %d\n",
			count, count*taskBytes>>20, available>>20)
		return
	}
	var there atomic.Int64
	gate := make(chan int64)
	runtime.GC()
	before := memory()
	start := clock()
	for range count {
		go func() {
			there.Add(1)
			<-gate
		}()
	}
	for there.Load() < int64(count) {
		runtime.Gosched()
	}
	outEach(name+"_create", start, count)
	out(name+"_bytes", float64(memory()-before)/float64(count))
	start = clock()
	close(gate)
	for runtime.NumGoroutine() > 1 {
		runtime.Gosched()
	}
	outEach(name+"_wake", start, count)
}

// The same sequence in C.
func nextRandom(state *uint64) uint64 {
	*state = *state*6364136223846793005 + 1442695040888963407
	return *state >> 33
}

func timerStop() {
	n := ops(3000000)
	start := clock()
	for range n {
		timer := time.AfterFunc(time.Hour, func() {})
		timer.Stop()
	}
	outEach("timer_stop", start, n)
}

func timerReset() {
	timer := time.NewTimer(time.Hour)
	n := ops(3000000)
	start := clock()
	for i := range n {
		timer.Reset(time.Hour + time.Duration(i))
	}
	outEach("timer_reset", start, n)
}

func timerRandom() {
	n := ops(1000000)
	timers := make([]*time.Timer, n)
	times := make([]time.Duration, n)
	state := uint64(1)
	for i := range times {
		times[i] = time.Hour + time.Duration(nextRandom(&state)*400)
	}
	start := clock()
	for i := range timers {
		timers[i] = time.AfterFunc(times[i], func() {})
	}
	outEach("timer_add_1m", start, n)
	for i := n - 1; i > 0; i-- {
		j := nextRandom(&state) % uint64(i+1)
		timers[i], timers[j] = timers[j], timers[i]
	}
	start = clock()
	for _, timer := range timers {
		timer.Stop()
	}
	outEach("timer_stop_1m", start, n)
}

func sleepers(name string, count int) {
	available := procBytes("/proc/meminfo", "MemAvailable:")
	if available < int64(count)*taskBytes {
		fmt.Printf("# skipped: %d sleepers need %d MB of memory, and there are %d\n",
			count, count*taskBytes>>20, available>>20)
		return
	}
	late := make([]int64, count)
	state := uint64(1)
	for i := range late {
		late[i] = int64(nextRandom(&state)) % int64(time.Second)
	}
	var wg sync.WaitGroup
	wg.Add(count)
	start := time.Now()
	for i := range late {
		go func() {
			start := time.Now()
			time.Sleep(time.Duration(late[i]))
			late[i] = int64(time.Since(start)) - late[i]
			wg.Done()
		}()
	}
	wg.Wait()
	out(name+"_total", float64(time.Since(start)))
	outPercentiles(name+"_late", late)
}

func sleep() {
	late := make([]int64, samples(1000))
	for i := range late {
		start := time.Now()
		time.Sleep(time.Millisecond)
		late[i] = int64(time.Since(start) - time.Millisecond)
	}
	outPercentiles("sleep_late", late)
}

func tight() {
	var looping atomic.Bool
	var turns atomic.Int64
	late := make([]int64, samples(100))
	looping.Store(true)
	go func() {
		for looping.Load() {
			turns.Add(1)
		}
	}()
	for i := 0; i < len(late); {
		before := turns.Load()
		start := time.Now()
		runtime.Gosched()
		late[i] = int64(time.Since(start))
		if turns.Load() != before && late[i] > int64(time.Millisecond) {
			i++
		}
	}
	looping.Store(false)
	outPercentiles("tight", late)
}

// A read() that ends after a time. syscall.Read declares itself to Go's scheduler:
// that is how Go blocks.
func handoff(name string, count int, block, quiet time.Duration) {
	const monotonic = 1
	fd, _, errno := syscall.RawSyscall(syscall.SYS_TIMERFD_CREATE, monotonic, 0, 0)
	if errno != 0 {
		panic(errno)
	}
	latency := make([]int64, count)
	expired := make([]byte, 8)
	for i := range latency {
		for start := time.Now(); time.Since(start) < quiet; {
		}
		after := [2]syscall.Timespec{1: syscall.NsecToTimespec(int64(block))}
		_, _, errno := syscall.RawSyscall6(syscall.SYS_TIMERFD_SETTIME, fd, 0,
			uintptr(unsafe.Pointer(&after)), 0, 0, 0)
		if errno != 0 {
			panic(errno)
		}
		var ran atomic.Int64
		origin := time.Now()
		go func() { ran.Store(int64(time.Since(origin))) }()
		start := time.Since(origin)
		_, err := syscall.Read(int(fd), expired)
		check(err)
		runtime.Gosched()
		for ran.Load() == 0 {
			runtime.Gosched()
		}
		latency[i] = ran.Load() - int64(start)
	}
	outPercentiles(name, latency)
}

var benchmarks = map[string]func(){
	"yield2":     func() { yield("yield2", 2, ops(10000000)) },
	"yield1000":  func() { yield("yield1000", 1000, ops(10000000)) },
	"spawn_one":  func() { spawn("spawn_one", 1, ops(2000000)) },
	"spawn_wave": func() { spawn("spawn_wave", wave, ops(2000000)) },
	"spawn_1m": func() {
		n := ops(1000000)
		spawn("spawn_1m_cold", n, n)
		spawn("spawn_1m", n, n)
	},
	"pingpong":        pingpong,
	"buffered_1":      func() { buffered("buffered_1", 1, ops(10000000)) },
	"buffered_4":      func() { buffered("buffered_4", 4, ops(10000000)) },
	"select_ready":    selectReady,
	"select_default":  selectDefault,
	"select_block":    selectBlock,
	"select_pingpong": selectPingpong,
	"skynet": func() {
		skynet("skynet_cold")
		skynet("skynet")
	},
	"mutex":            mutex,
	"mutex_8":          mutexTasks,
	"rwmutex":          rwmutexTasks,
	"map_load":         mapLoad,
	"pool":             pool,
	"parked_100k":      func() { parked("parked_100k", ops(100000)) },
	"parked_1m":        func() { parked("parked_1m", ops(1000000)) },
	"sleep":            sleep,
	"timer_stop":       timerStop,
	"timer_reset":      timerReset,
	"timer_random":     timerRandom,
	"sleepers_100k":    func() { sleepers("sleepers_100k", ops(100000)) },
	"sleepers_1m":      func() { sleepers("sleepers_1m", ops(1000000)) },
	"tight":            tight,
	"handoff":          func() { handoff("handoff", samples(100), block, 0) },
	"handoff_declared": func() { handoff("handoff_declared", samples(100), block, 0) },
	"handoff_quiet":    func() { handoff("handoff_quiet", samples(50), block, quiet) },
}

func main() {
	flag.Parse()
	run := benchmarks[flag.Arg(0)]
	if run == nil {
		fmt.Fprintf(os.Stderr, "gobench: no benchmark named '%s'\n", flag.Arg(0))
		os.Exit(2)
	}
	runtime.GOMAXPROCS(*workers)
	run()
}
