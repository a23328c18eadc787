module hpcagent.example

go 1.22
