package docker

import (
	"bytes"
	"encoding/json"

	"layup/analyze"
	"layup/analyze/show"
	"layup/report/call"
)

// container returns the document of a container, or what the template makes of the document. The template uses the
// names of the JSON.
func (i *inspection) container(img *analyze.Image) (string, error) {
	doc, err := img.DockerContainer()
	if err != nil {
		return "", call.Usage("layup layers "+show.Shell(img.Name)+"  says where its layers are", "%w", err)
	}
	if i.template == nil {
		return string(doc), nil
	}
	raw, err := rawContainer(doc)
	if err != nil {
		return "", err
	}
	text, err := i.template.Execute(raw, true)
	return text + "\n", err
}

// rawContainer decodes a document for a template, with Id also as ID.
func rawContainer(doc []byte) (map[string]any, error) {
	raw := map[string]any{}
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	if err := dec.Decode(&raw); err != nil {
		return nil, err
	}
	raw["ID"] = raw["Id"]
	return raw, nil
}
