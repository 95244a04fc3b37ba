// Package frame encodes and decodes RFC 6455 frames and messages.
package frame
