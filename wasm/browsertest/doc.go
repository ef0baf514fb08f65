// Package browsertest drives a real headless Chromium against the lab: what a person does on a
// first visit, offline, on a classroom's plain http, and when things break. Its tests run with
// PATCHBAY_BROWSER=1 (make test sets it) and skip, saying why, where no Chromium is found;
// CHROMIUM names another binary. Screenshots go to out/screenshots.
package browsertest
