// Command stage paints scenes. It lives in an iframe of its own, because Ebiten owns the whole
// document it runs in, and it never knows a lesson: it paints marks and reports which mark the
// pointer is on. The iframe takes no events (pointer-events: none; tabindex=-1), so it can trap
// neither scrolling nor Tab; the page forwards the pointer events it has decided on.
//
// Messages, all plain objects over window.postMessage within one origin:
//
//	page -> stage  {type: "scene", scene: JSON of scene.Scene}
//	               {type: "pointer", kind: "move"|"down"|"leave", x, y}   CSS pixels
//	               {type: "png"}
//	stage -> page  {type: "ready"}
//	               {type: "hit", kind: "hover"|"click", id}               id is "" outside all marks
//	               {type: "png", data: ArrayBuffer}
//	               {type: "error", message, fatal}                        no WebGL (fatal), a bad scene
package main

import (
	"github.com/hajimehoshi/ebiten/v2"
)

func main() {
	g := &game{inbox: make(chan message, 64), reduced: reducedMotion()}
	listen(g.inbox)
	// Nothing is drawn unless something changed: schedule asks for a frame.
	ebiten.SetFPSMode(ebiten.FPSModeVsyncOffMinimum)
	err := ebiten.RunGameWithOptions(g, &ebiten.RunGameOptions{InitUnfocused: true})
	if err != nil {
		post(map[string]any{"type": "error", "fatal": true, "message": "the picture cannot be drawn here: " + err.Error()})
	}
}
