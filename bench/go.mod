module github.com/framerail/framerail/bench

go 1.26

require github.com/framerail/framerail v0.0.0

replace github.com/framerail/framerail => ../
