package secrets_test

import (
	"testing"

	"layup/analyze/secrets"
)

func BenchmarkNew(b *testing.B) {
	for range b.N {
		if _, err := secrets.New(secrets.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
