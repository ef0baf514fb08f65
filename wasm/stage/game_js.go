package main

import (
	"encoding/json"
	"time"

	"github.com/hajimehoshi/ebiten/v2"

	"patchbay/wasm/scene"
)

// transition is how long a mark takes to its new place and colour: motion explains, under 400 ms.
const transition = 220 * time.Millisecond

// game is Ebiten's view of the stage: the scene, the one before it, and what the page asked.
type game struct {
	inbox   chan message
	scene   scene.Scene
	before  map[string]scene.Item // marks of the scene before, by id
	since   time.Time             // when this scene came
	hover   string
	wantPNG bool
	ready   bool
	reduced bool
	density float64
	paint   painter
}

// Update takes what the page has sent. It runs once per scheduled frame.
func (g *game) Update() error {
	if !g.ready { // only now is it sure that there is something to draw with
		g.ready = true
		post(map[string]any{"type": "ready"})
	}
	for {
		select {
		case m := <-g.inbox:
			g.take(m)
		default:
			if g.progress() < 1 {
				schedule()
			}
			return nil
		}
	}
}

func (g *game) take(m message) {
	switch m.kind {
	case "scene":
		g.show(m.scene)
	case "move", "leave":
		id := ""
		if m.kind == "move" {
			id = scene.Hit(&g.scene, m.x, m.y)
		}
		if id != g.hover {
			g.hover = id
			post(map[string]any{"type": "hit", "kind": "hover", "id": id})
		}
	case "down":
		post(map[string]any{"type": "hit", "kind": "click", "id": scene.Hit(&g.scene, m.x, m.y)})
	case "png":
		g.wantPNG = true
	}
}

func (g *game) show(data string) {
	var s scene.Scene
	if err := json.Unmarshal([]byte(data), &s); err != nil {
		postError("the picture's description is malformed: " + err.Error())
		return
	}
	g.before = map[string]scene.Item{}
	for _, it := range g.scene.Items {
		if it.ID != "" {
			g.before[it.ID] = it
		}
	}
	g.scene, g.since = s, time.Now()
}

// progress of the transition, 0 to 1.
func (g *game) progress() float32 {
	if g.reduced || len(g.before) == 0 {
		return 1
	}
	return min(float32(time.Since(g.since))/float32(transition), 1)
}

// Draw paints the scene as it stands in its transition.
func (g *game) Draw(screen *ebiten.Image) {
	t := g.progress()
	t = t * t * (3 - 2*t)
	g.paint.scene(screen, &g.scene, float32(g.density), func(it *scene.Item) scene.Item {
		old, ok := g.before[it.ID]
		if !ok || t >= 1 || it.ID == "" {
			return *it
		}
		return scene.Between(&old, it, t)
	})
	if g.wantPNG && t >= 1 {
		g.wantPNG = false
		g.export()
	}
}

// export paints once more beside the screen, whose pixels cannot be read.
func (g *game) export() {
	w, h := int(float64(g.scene.W)*g.density), int(float64(g.scene.H)*g.density)
	if w <= 0 || h <= 0 {
		postError("there is no picture to export yet")
		return
	}
	img := ebiten.NewImage(w, h)
	defer img.Deallocate()
	g.paint.scene(img, &g.scene, float32(g.density), func(it *scene.Item) scene.Item { return *it })
	pixels := make([]byte, 4*w*h)
	img.ReadPixels(pixels)
	postPNG(pixels, w, h)
}

// Layout makes one logical pixel one device pixel, so that texts are crisp.
func (g *game) Layout(w, h int) (int, int) {
	g.density = ebiten.Monitor().DeviceScaleFactor()
	return int(float64(w)*g.density + 0.5), int(float64(h)*g.density + 0.5)
}
