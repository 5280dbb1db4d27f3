package report

import (
	"context"
	"io"

	"layup/report/render"
)

func (a *diffAnswer) drawContent(ctx context.Context, w io.Writer, t render.Terminal) error {
	return nil
}
