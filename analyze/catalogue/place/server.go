package place

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"layup/analyze/source/advice"
)

// A server is where the objects are, and how layup shows who it is. The variables are those of the AWS command line.
type server struct {
	host     string // with a port
	endpoint string // what AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL says; empty for AWS
	region   string
	secure   bool
	style    minio.BucketLookupType
	keys     *credentials.Credentials
	network  *http.Transport
	tries    int
}

func newServer(ctx context.Context, t timing) (s *server, err error) {
	s = &server{host: "s3.amazonaws.com", secure: true, tries: t.tries,
		region: first("AWS_REGION", "AWS_DEFAULT_REGION")}
	if s.endpoint = first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"); s.endpoint != "" {
		if s.host, s.secure, err = parseEndpoint(s.endpoint); err != nil {
			return nil, err
		}
		if s.region == "" {
			s.region = "us-east-1" // servers other than Amazon's seldom care
		}
	}
	switch style := os.Getenv("LAYUP_S3_STYLE"); style {
	case "":
	case "path":
		s.style = minio.BucketLookupPath
	case "virtual":
		s.style = minio.BucketLookupDNS
	default:
		return nil, fmt.Errorf("LAYUP_S3_STYLE=%q: is neither path nor virtual", style)
	}
	if s.network, err = transport(); err != nil {
		return nil, err
	}
	s.keys, err = findKeys(ctx)
	return s, err
}

func (s *server) options() *minio.Options {
	return &minio.Options{Creds: s.keys, Secure: s.secure, Region: s.region, BucketLookup: s.style,
		Transport: s.network, MaxRetries: s.tries}
}

// first returns the first variable of the environment that says something.
func first(names ...string) string {
	for _, name := range names {
		if value := os.Getenv(name); value != "" {
			return value
		}
	}
	return ""
}

// parseEndpoint returns host and port of an address, and whether TLS protects it. The message never shows the text: it
// may hold a password.
func parseEndpoint(text string) (host string, secure bool, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", false, &advice.Hinted{Err: errors.New("AWS_ENDPOINT_URL is not the address of a server"),
			Hint: "AWS_ENDPOINT_URL=https://HOST:PORT, without user, path or query"}
	}
	return u.Host, u.Scheme == "https", nil
}

// transport connects as the registry client does: HTTP/1.1, the system's proxies and authorities.
func transport() (*http.Transport, error) {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 30 * time.Second, DisableCompression: true}
	bundle := os.Getenv("AWS_CA_BUNDLE")
	if bundle == "" {
		return t, nil
	}
	text, err := os.ReadFile(bundle)
	if err != nil {
		return nil, fmt.Errorf("AWS_CA_BUNDLE: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("AWS_CA_BUNDLE: %s: holds no certificate (PEM)", bundle)
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool}
	return t, nil
}

// findKeys returns the first credentials there are: those of the environment, of the profile, of the pod, task or
// machine. A source that the user names and that gives none is an error; the next one is not tried.
func findKeys(ctx context.Context) (*credentials.Credentials, error) {
	id, secret := first("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"), first("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY")
	switch {
	case id != "" && secret != "":
		return credentials.NewEnvAWS(), nil
	case id != "" || secret != "":
		return nil, errors.New("the environment has one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: both are needed")
	}
	profile := credentials.NewFileAWSCredentials("", "")
	value, err := profile.GetWithContext(&credentials.CredContext{Context: ctx, Client: http.DefaultClient})
	if err == nil && value.AccessKeyID != "" {
		return profile, nil
	}
	if name := os.Getenv("AWS_PROFILE"); name != "" {
		if err == nil {
			err = errors.New("has no keys")
		}
		return nil, fmt.Errorf("AWS_PROFILE=%q: %w", name, err)
	}
	role := credentials.New(&credentials.IAM{})
	named := first("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI") != ""
	if !named && strings.EqualFold(os.Getenv("AWS_EC2_METADATA_DISABLED"), "true") {
		return nil, errNoKeys()
	}
	wait := 15 * time.Second
	if !named {
		wait = 2 * time.Second // the machine may have no such service
	}
	client := &http.Client{Timeout: wait}
	value, err = role.GetWithContext(&credentials.CredContext{Context: ctx, Client: client})
	switch {
	case err == nil && value.AccessKeyID != "":
		return role, nil
	case named:
		return nil, fmt.Errorf("the role of this pod or task gives no credentials: %w", err)
	}
	return nil, errNoKeys()
}

func errNoKeys() error {
	return &advice.Hinted{Err: errors.New("no credentials"),
		Hint: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; aws configure writes a profile"}
}
