package nats

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// acks receives the answers of a stream to what was published.
type acks struct {
	inbox string

	mu      sync.Mutex
	batch   int      // guarded by mu
	present *answers // guarded by mu: of that batch
}

// answers are those to a batch.
type answers struct {
	prefix  string             // of the subjects of answers
	subject func(i int) string // of a message

	mu      sync.Mutex
	waiting int     // guarded by mu: how many are to come, and 1 more while messages are being sent
	errs    []error // guarded by mu: by message. errWaiting: not answered yet
	all     chan struct{}
}

var errWaiting = errors.New("framerail: a message is not confirmed")

// listen subscribes to the answers.
func (a *acks) listen(nc *nats.Conn) error {
	a.inbox = nc.NewInbox()
	_, err := nc.Subscribe(a.inbox+".*.*", func(m *nats.Msg) {
		a.mu.Lock()
		present := a.present
		a.mu.Unlock()
		if present == nil {
			return
		}
		i, ok := strings.CutPrefix(m.Subject, present.prefix)
		if n, err := strconv.Atoi(i); ok && err == nil {
			present.answer(n, problem(m))
		}
	})
	return err
}

// begin begins a batch. subject is that of each message.
func (a *acks) begin(subject func(i int) string) *answers {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.batch++
	a.present = &answers{prefix: a.inbox + "." + strconv.Itoa(a.batch) + ".", subject: subject, waiting: 1, all: make(chan struct{})}
	return a.present
}

func (a *acks) end() {
	a.mu.Lock()
	a.present = nil
	a.mu.Unlock()
}

// refused is called when the server has refused what is published to a subject. Nobody answers that.
func (a *acks) refused(subject string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock() // the messages are the caller's again after end
	if a.present != nil {
		a.present.refuse(subject, err)
	}
}

// expect notes the next message, which is about to be sent. If it is to be stored, reply is the subject for the answer.
func (a *answers) expect(stored bool) (reply string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := len(a.errs)
	if !stored {
		a.errs = append(a.errs, nil)
		return ""
	}
	a.errs = append(a.errs, errWaiting)
	a.waiting++
	return a.prefix + strconv.Itoa(i)
}

// refuse answers all messages to a subject with an error.
func (a *answers) refuse(subject string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.errs {
		if a.subject(i) != subject {
			continue
		}
		if a.errs[i] == errWaiting {
			a.less()
		}
		a.errs[i] = err
	}
}

// answer notes the answer to a message. One that could not be sent is answered by its sender.
func (a *answers) answer(i int, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i >= 0 && i < len(a.errs) && a.errs[i] == errWaiting {
		a.errs[i] = err
		a.less()
	}
}

// less counts one answer. mu is held.
func (a *answers) less() {
	if a.waiting--; a.waiting == 0 {
		close(a.all)
	}
}

// complete is called when all are sent. What it returns is closed when all are answered.
func (a *answers) complete() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.less()
	return a.all
}

// taken is how many of the first ones are stored, and why not more.
func (a *answers) taken(sent int) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, err := range a.errs[:min(sent, len(a.errs))] {
		if err != nil {
			return i, err
		}
	}
	return sent, nil
}

// problem is what an answer says against a message.
func problem(m *nats.Msg) error {
	if len(m.Data) == 0 {
		return jetstream.ErrNoStreamResponse
	}
	var answer struct {
		Error *jetstream.APIError
		Seq   uint64
	}
	switch err := json.Unmarshal(m.Data, &answer); {
	case err != nil:
		return err
	case answer.Error != nil:
		return answer.Error
	case answer.Seq == 0:
		return jetstream.ErrInvalidJSAck
	}
	return nil
}
