// Package advice holds the errors that tell a user what to do next.
package advice

import "errors"

// A Hinted is an error with advice: what to do next, in one line.
type Hinted struct {
	Err  error
	Hint string
}

// Error returns the message without the advice.
func (e *Hinted) Error() string { return e.Err.Error() }

// Unwrap returns the error without the advice.
func (e *Hinted) Unwrap() error { return e.Err }

// A Choice is one way to choose among several images.
type Choice struct {
	Flag string // --image shop:1.2 or --platform linux/arm64, as the shell takes it
	What string // what that would choose, for a person
}

// A ChoiceError says that the selection leaves several images or none.
type ChoiceError struct {
	Message string
	Choices []Choice
	None    bool // there is no such image
}

// Error returns the message without the choices.
func (e *ChoiceError) Error() string { return e.Message }

// Is makes it an ErrNoImage if None is true.
func (e *ChoiceError) Is(target error) bool { return e.None && target == ErrNoImage }

// A Misnamed is an error about a name that another program understands, or that lacks a part.
type Misnamed struct {
	Err   error
	Name  string   // as the user wrote it
	Meant []Choice // names in its place, likeliest first; the shell takes them as they are
}

// Error returns the message without the advice.
func (e *Misnamed) Error() string { return e.Err.Error() }

// Unwrap returns the error without the advice.
func (e *Misnamed) Unwrap() error { return e.Err }

// ErrNoImage is in the chain of an error if there is no such file, or no such image in the file.
var ErrNoImage = errors.New("no such image")
