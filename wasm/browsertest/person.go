package browsertest

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// What a person does with a page: look, point, press keys, save files, hold a phone.

// Move brings the pointer to a place of the viewport, in CSS pixels.
func (t *Tab) Move(x, y float64) error {
	return t.Run(input.DispatchMouseEvent(input.MouseMoved, x, y))
}

// Click presses and releases the left button there.
func (t *Tab) Click(x, y float64) error { return t.Run(chromedp.MouseClickXY(x, y)) }

// Wheel turns the wheel there, down by so many pixels.
func (t *Tab) Wheel(x, y, down float64) error {
	return t.Run(input.DispatchMouseEvent(input.MouseWheel, x, y).WithDeltaX(0).WithDeltaY(down))
}

// Press sends keys to what has the focus; kb.Tab and its like name the keys without a sign.
func (t *Tab) Press(keys string) error { return t.Run(chromedp.KeyEvent(keys)) }

// Screen sets the viewport in CSS pixels, with so many device pixels to each; a phone also
// lays out as one.
func (t *Tab) Screen(w, h int64, density float64, phone bool) error {
	return t.Run(emulation.SetDeviceMetricsOverride(w, h, density, phone))
}

// Picture is what the viewport shows, in device pixels.
func (t *Tab) Picture() (image.Image, error) {
	var raw []byte
	if err := t.Run(chromedp.CaptureScreenshot(&raw)); err != nil {
		return nil, err
	}
	return png.Decode(bytes.NewReader(raw))
}

// Keep keeps a picture of the whole page, beyond the viewport too, in a file.
func (t *Tab) Keep(path string, whole bool) error {
	var raw []byte
	shot := page.CaptureScreenshot().WithFormat(page.CaptureScreenshotFormatPng).WithCaptureBeyondViewport(whole)
	if whole {
		var h float64
		var w float64
		if err := t.Eval(`document.documentElement.scrollHeight`, &h); err != nil {
			return err
		}
		if err := t.Eval(`innerWidth`, &w); err != nil {
			return err
		}
		shot = shot.WithClip(&page.Viewport{Width: w, Height: h, Scale: 1})
	}
	err := t.Run(chromedp.ActionFunc(func(ctx context.Context) (err error) { raw, err = shot.Do(ctx); return err }))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o644)
}

// SaveTo makes the browser save downloads in a folder without asking.
func (t *Tab) SaveTo(dir string) error {
	return t.Run(browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(dir))
}

// Saved waits for a whole file in that folder.
func Saved(path string, patience time.Duration) ([]byte, error) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		// Chromium writes under another name and renames when it is whole.
		if data, err := os.ReadFile(path); err == nil && len(data) > 0 {
			return data, nil
		}
	}
	return nil, fmt.Errorf("no file %s came within %v", filepath.Base(path), patience)
}

// CPU is the processor time, in seconds, that all processes of the browser have used. Linux
// only; 0 elsewhere.
func (b *Browser) CPU() float64 { return (ownTicks(b.PID()) - selfTicks()) / ticks }
