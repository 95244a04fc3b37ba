// Package masking compares framerail's masking of payloads with gobwas/ws's Cipher, which has
// assembly too, and with copy. It has nothing but a test and a benchmark.
package masking
