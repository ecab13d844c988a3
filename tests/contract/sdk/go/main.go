// Sends one call of every type through analytics-go: client URL WRITE_KEY.
package main

import (
	"log"
	"os"
	"sync"
	"time"

	"github.com/segmentio/analytics-go/v3"
)

// settled counts what was delivered; a client that is closed earlier drops what it would have tried again.
type settled struct{ sync.WaitGroup }

func (s *settled) Success(analytics.Message) { s.Done() }

func (s *settled) Failure(_ analytics.Message, err error) { log.Fatal(err) }

func main() {
	waiting := &settled{}
	client, err := analytics.NewWithConfig(os.Args[2], analytics.Config{
		Endpoint: os.Args[1],
		Interval: 200 * time.Millisecond,
		Logger:   analytics.StdLogger(log.New(os.Stderr, "", 0)),
		Callback: waiting,
	})
	if err != nil {
		log.Fatal(err)
	}
	messages := []analytics.Message{
		analytics.Identify{UserId: "u1", Traits: analytics.NewTraits().SetEmail("peter@example.com")},
		analytics.Track{UserId: "u1", Event: "Bought", Properties: analytics.NewProperties().Set("plan", "pro")},
		analytics.Page{UserId: "u1", Name: "Home"},
		analytics.Screen{UserId: "u1", Name: "Start"},
		analytics.Group{UserId: "u1", GroupId: "g1", Traits: analytics.NewTraits().SetName("Initech")},
		analytics.Alias{UserId: "u1", PreviousId: "a1"},
	}
	waiting.Add(len(messages))
	for _, message := range messages {
		if err := client.Enqueue(message); err != nil {
			log.Fatal(err)
		}
	}
	waiting.Wait()
	if err := client.Close(); err != nil {
		log.Fatal(err)
	}
}
