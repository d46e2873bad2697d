// Go's net/http: a GET and a POST, with the default client. Argument: base URL.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"runtime"
	"strings"
)

type echo struct{ Path, Body string }

func read(answer *http.Response, err error) (seen echo) {
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 200 || json.Unmarshal(text, &seen) != nil {
		log.Fatalf("%v: %s %s", err, answer.Status, text)
	}
	return
}

func main() {
	base := os.Args[1]
	got := read(http.Get(base + "/hello?from=go"))
	posted := read(http.Post(base+"/echo", "text/plain", strings.NewReader("some text")))
	if got.Path != "/hello?from=go" || posted.Body != "some text" {
		log.Fatalf("%v %v", got, posted)
	}
	fmt.Printf(`{"client": "%s net/http", "calls": 2}`+"\n", runtime.Version())
}
