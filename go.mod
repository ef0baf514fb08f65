module patchbay

go 1.26.0
