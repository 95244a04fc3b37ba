//go:build !purego && !asan && !msan

#include "textflag.h"

// func xorVector(dst, src *byte, n int, key uint32) (ascii bool)
//
// 32 bytes at a time, with AVX2.
//
// The first and the last 32 bytes are computed before anything is stored. They are stored
// after all else. Between them lies the middle, whose stores are aligned. So the vectors at
// both ends may overlap it, and no loop over single bytes is needed.
//
//	DI  where to store next    R8  dst
//	SI  where to load next     R9  dst + n
//	DX  bytes left             AX  the key
//
//	Y0  the key, turned to the next byte, again and again
//	Y1  the last 32 bytes      Y7, Y8  the bits that are set in any byte so far
//	Y2  the first 32 bytes     Y3 to Y6  bytes of the middle
TEXT ·xorVector(SB), NOSPLIT, $0-33
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), DX
	MOVL key+24(FP), AX
	MOVQ DI, R8
	LEAQ (DI)(DX*1), R9

	// The byte at n-32 meets the key turned by n-32 bytes, which is as much as n bytes. The
	// key's first byte is the lowest, so it turns right.
	MOVL         AX, R10
	LEAL         (DX*8), CX
	RORL         CX, R10
	VMOVD        R10, X1
	VPBROADCASTD X1, Y1
	VPXOR        -32(SI)(DX*1), Y1, Y1

	VMOVD        AX, X0
	VPBROADCASTD X0, Y0
	VPXOR        (SI), Y0, Y2

	VPOR  Y1, Y2, Y7
	VPXOR Y8, Y8, Y8

	// The middle begins behind the first vector. Aligning it pays from 1 KiB on.
	MOVL $32, BX
	CMPQ DX, $1024
	JB   middle

	// It begins at the first aligned address behind dst, 1 to 32 bytes on.
	MOVL         DI, BX
	NOTL         BX
	ANDL         $31, BX
	INCL         BX
	LEAL         (BX*8), CX
	RORL         CX, AX
	VMOVD        AX, X0
	VPBROADCASTD X0, Y0

middle:
	ADDQ BX, DI
	ADDQ BX, SI
	SUBQ BX, DX
	SUBQ $128, DX
	JB   below128

loop128:
	VPXOR   (SI), Y0, Y3
	VPXOR   32(SI), Y0, Y4
	VPXOR   64(SI), Y0, Y5
	VPXOR   96(SI), Y0, Y6
	VMOVDQU Y3, (DI)
	VMOVDQU Y4, 32(DI)
	VMOVDQU Y5, 64(DI)
	VMOVDQU Y6, 96(DI)
	VPOR    Y3, Y4, Y3
	VPOR    Y5, Y6, Y5
	VPOR    Y3, Y7, Y7
	VPOR    Y5, Y8, Y8
	ADDQ    $128, SI
	ADDQ    $128, DI
	SUBQ    $128, DX
	JAE     loop128

below128:
	ADDQ $128, DX

	// The last 32 bytes, or less, are those of Y1.
loop32:
	CMPQ    DX, $32
	JBE     ends
	VPXOR   (SI), Y0, Y3
	VMOVDQU Y3, (DI)
	VPOR    Y3, Y7, Y7
	ADDQ    $32, SI
	ADDQ    $32, DI
	SUBQ    $32, DX
	JMP     loop32

ends:
	VMOVDQU   Y2, (R8)
	VMOVDQU   Y1, -32(R9)
	VPOR      Y8, Y7, Y7
	VPMOVMSKB Y7, AX
	TESTL     AX, AX
	SETEQ     ascii+32(FP)
	VZEROUPPER
	RET
