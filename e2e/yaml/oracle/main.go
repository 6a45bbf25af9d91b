// Command oracle says how kubectl reads YAML. Each line of its input is a file in base64; each line of its answer is a
// JSON list with an entry for each document of that file: the JSON that sigs.k8s.io/yaml makes of it, or null where it refuses.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

func main() {
	log.SetFlags(0)
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		file, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(line)))
		if err != nil {
			log.Fatal(err)
		}
		answer, err := json.Marshal(documents(file))
		if err != nil {
			log.Fatal(err)
		}
		out.Write(append(answer, '\n'))
	}
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
}

// documents splits a file as kubectl does and converts each part; nil stands for a part that is refused.
func documents(file []byte) []*string {
	answers := []*string{}
	parts := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(file)))
	for {
		part, err := parts.Read()
		if errors.Is(err, io.EOF) {
			return answers
		}
		if err != nil {
			return append(answers, nil)
		}
		answers = append(answers, converted(part))
	}
}

func converted(part []byte) (answer *string) {
	// The library lets some of its own panics out.
	defer func() {
		if recover() != nil {
			answer = nil
		}
	}()
	text, err := yaml.YAMLToJSON(part)
	if err != nil {
		return nil
	}
	said := string(text)
	return &said
}
