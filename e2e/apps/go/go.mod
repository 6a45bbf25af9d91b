module fairlead.dev/e2e/apps

go 1.24
