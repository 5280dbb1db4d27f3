package place

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"syscall"

	"github.com/minio/minio-go/v7"

	"layup/analyze/source/advice"
)

// failed names the object of an error, says what the store refused, and what to do next.
func (b *bucket) failed(ctx context.Context, name string, err error) error {
	says := minio.ToErrorResponse(err)
	if says.Code == "" {
		return b.unreached(ctx, name, err)
	}
	where := b.address(name)
	hint := ""
	switch says.Code {
	case minio.NoSuchKey:
		return fmt.Errorf("%s: %w", where, fs.ErrNotExist)
	case minio.NoSuchBucket:
		err, where = errors.New("the store has no such bucket"), scheme+b.name
		hint = b.command("aws s3 mb "+scheme+b.name) + "  makes it; AWS_ENDPOINT_URL names another server"
	case minio.InvalidAccessKeyID, minio.SignatureDoesNotMatch, "InvalidToken", "InvalidSecurity",
		"AuthorizationHeaderMalformed":
		err = fmt.Errorf("the store refuses the credentials (%s)", says.Code)
		hint = b.command("aws sts get-caller-identity") + "  shows who they are; AWS_ACCESS_KEY_ID and " +
			"AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, give others; AWS_REGION must be that of the bucket"
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired":
		err = fmt.Errorf("the credentials have expired (%s)", says.Code)
		hint = "renew AWS_SESSION_TOKEN, then run the same command again: what is written stays"
	case "RequestTimeTooSkewed":
		err = errors.New("the clock of this machine is wrong (RequestTimeTooSkewed)")
	case minio.AccessDenied:
		err = errors.New("the credentials do not allow it (AccessDenied)")
		hint = "they need s3:ListBucket of " + b.name + ", s3:GetObject, and to write s3:PutObject and s3:DeleteObject"
	default:
		err = errors.New(words(says))
	}
	if again(says) {
		err = fmt.Errorf("the store refused %d times: %w", b.timing.tries, err)
		hint = "run the same command again later: what is written stays"
	}
	err = fmt.Errorf("%s: %w", where, err)
	if hint != "" {
		return &advice.Hinted{Err: err, Hint: hint}
	}
	return err
}

// words is what the store says, whose text nobody vouches for.
func words(says minio.ErrorResponse) string {
	text := fmt.Sprintf("%.60q", says.Code)
	if says.StatusCode != 0 {
		text = fmt.Sprintf("status %d (%s), %s", says.StatusCode, http.StatusText(says.StatusCode), text)
	}
	if says.Message != "" {
		text += fmt.Sprintf(": it says %.200q", says.Message)
	}
	return text
}

// again reports whether the store may answer later.
func again(says minio.ErrorResponse) bool {
	return says.StatusCode >= http.StatusInternalServerError || says.StatusCode == http.StatusTooManyRequests
}

// command adds the endpoint to a command of the AWS command line.
func (b *bucket) command(text string) string {
	if b.endpoint != "" {
		return text + " --endpoint-url " + b.endpoint
	}
	return text
}

// unreached explains an error of the network.
func (b *bucket) unreached(ctx context.Context, name string, err error) error {
	where := b.address(name)
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	hint := ""
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		err, hint = errors.New("no answer in time"), "run the same command again: what is written stays"
	case errors.Is(err, syscall.ECONNREFUSED):
		hint = "AWS_ENDPOINT_URL may name a wrong port"
	default:
		if _, ok := errors.AsType[*net.DNSError](err); ok {
			hint = "AWS_ENDPOINT_URL or AWS_REGION may be wrong; LAYUP_S3_STYLE=path puts the bucket into the path"
		}
	}
	err = fmt.Errorf("%s: %w", where, err)
	if hint != "" {
		return &advice.Hinted{Err: err, Hint: hint}
	}
	return err
}
