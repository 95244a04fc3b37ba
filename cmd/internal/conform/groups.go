package conform

// Cases returns all cases in the order of reports. The slice is the caller's.
func Cases() []Case {
	return nil
}
