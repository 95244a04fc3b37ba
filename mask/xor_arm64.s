//go:build !purego && !asan && !msan

#include "textflag.h"

// func xorVector(dst, src *byte, n int, key uint32) (ascii bool)
//
// 16 bytes at a time, with NEON. As in xor_amd64.s, the last 16 bytes are computed before
// anything is stored, and stored after all else. So they may overlap those before. Stores
// need not be aligned here.
//
//	R0  where to store next    R3  the key
//	R1  where to load next     R4  dst + n - 16
//	R2  bytes left
//
//	V0  the key, again and again    V4 to V7    the bytes between
//	V1  the last 16 bytes           V16 to V19  the bits that are set in any byte so far
TEXT ·xorVector(SB), NOSPLIT, $0-33
	MOVD  dst+0(FP), R0
	MOVD  src+8(FP), R1
	MOVD  n+16(FP), R2
	MOVWU key+24(FP), R3

	// The byte at n-16 meets the key turned by n bytes, to the right.
	LSL  $3, R2, R5
	RORW R5, R3, R5
	VDUP R5, V1.S4
	SUB  $16, R2, R6
	ADD  R6, R0, R4
	ADD  R6, R1, R6
	VLD1 (R6), [V2.B16]
	VEOR V2.B16, V1.B16, V1.B16

	VDUP R3, V0.S4
	VMOV V1.B16, V16.B16
	VEOR V17.B16, V17.B16, V17.B16
	VEOR V18.B16, V18.B16, V18.B16
	VEOR V19.B16, V19.B16, V19.B16
	SUBS $64, R2
	BLO  below64

loop64:
	VLD1.P 64(R1), [V4.B16, V5.B16, V6.B16, V7.B16]
	VEOR   V0.B16, V4.B16, V4.B16
	VEOR   V0.B16, V5.B16, V5.B16
	VEOR   V0.B16, V6.B16, V6.B16
	VEOR   V0.B16, V7.B16, V7.B16
	VST1.P [V4.B16, V5.B16, V6.B16, V7.B16], 64(R0)
	VORR   V4.B16, V16.B16, V16.B16
	VORR   V5.B16, V17.B16, V17.B16
	VORR   V6.B16, V18.B16, V18.B16
	VORR   V7.B16, V19.B16, V19.B16
	SUBS   $64, R2
	BHS    loop64

below64:
	ADD $64, R2

	// The last 16 bytes, or less, are those of V1.
loop16:
	CMP    $16, R2
	BLS    last
	VLD1.P 16(R1), [V4.B16]
	VEOR   V0.B16, V4.B16, V4.B16
	VST1.P [V4.B16], 16(R0)
	VORR   V4.B16, V16.B16, V16.B16
	SUB    $16, R2
	B      loop16

last:
	VST1 [V1.B16], (R4)
	VORR V17.B16, V16.B16, V16.B16
	VORR V19.B16, V18.B16, V18.B16
	VORR V18.B16, V16.B16, V16.B16
	VMOV V16.D[0], R5
	VMOV V16.D[1], R6
	ORR  R6, R5, R5
	TST  $0x8080808080808080, R5
	CSET EQ, R5
	MOVB R5, ascii+32(FP)
	RET
