package state

import "patchbay/wasm/text"

// SetLang changes the language of everything at once.
func (a *App) SetLang(l text.Lang) []Effect {
	if l == a.Lang {
		return nil
	}
	a.Lang = l
	return []Effect{Look{}, Draw{}, Save{"lang", string(l)}, linkSoon()}
}

// SetTheme changes the colours.
func (a *App) SetTheme(t Theme) []Effect {
	a.Theme = t
	return []Effect{Look{}, Draw{}, Save{"theme", string(t)}, linkSoon()}
}

// NextTheme goes around: system, light, dark.
func (a *App) NextTheme() []Effect {
	return a.SetTheme(map[Theme]Theme{System: Light, Light: Dark, Dark: System}[a.Theme])
}

// Toggle opens a panel of the top bar and closes any other.
func (a *App) Toggle(popover string) []Effect {
	a.Confirm = ""
	if a.Popover == popover {
		a.Popover = ""
		return nil
	}
	a.Popover = popover
	if popover == "menu" {
		return []Effect{Focus{"rail"}}
	}
	return []Effect{Focus{"pop-" + popover}}
}

// Close closes the open panel; the keyboard goes back to its button.
func (a *App) Close() []Effect {
	if a.Popover == "" {
		return nil
	}
	was := a.Popover
	a.Popover, a.Confirm = "", ""
	return []Effect{Focus{"btn-" + was}}
}

// Fold opens or closes a fold of the page.
func (a *App) Fold(name string) { a.Open[name] = !a.Open[name] }

// Escape is the Escape key: the panel first, then the running work.
func (a *App) Escape() []Effect {
	if a.Popover != "" {
		return a.Close()
	}
	if a.Page().Busy() {
		return a.Stop()
	}
	return nil
}
