//go:build !purego && !asan && !msan

#include "textflag.h"

// The tables of Keiser and Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte"
// (2021), section 6. Each bit is a fault that a byte and the one before it can show:
//
//	01  a sequence that is too short: no continuation byte behind its first byte
//	02  one that is too long: a continuation byte behind ASCII
//	04  an overlong form of 3 bytes
//	08  above U+10FFFF, by the second byte
//	10  a surrogate
//	20  an overlong form of 2 bytes
//	40  an overlong form of 4 bytes, or above U+10FFFF by the first byte
//	80  two continuation bytes, which is no fault in a sequence of 3 or 4 bytes
//
// The first is looked up by the upper four bits of the byte before, the second by its lower
// four bits, the third by the upper four bits of the byte. A fault is there if all three
// have its bit.
DATA utf8Tables<>+0x00(SB)/8, $0x0202020202020202
DATA utf8Tables<>+0x08(SB)/8, $0x4915012180808080
DATA utf8Tables<>+0x10(SB)/8, $0xcbcbcb8b8383a3e7
DATA utf8Tables<>+0x18(SB)/8, $0xcbcbdbcbcbcbcbcb
DATA utf8Tables<>+0x20(SB)/8, $0x0101010101010101
DATA utf8Tables<>+0x28(SB)/8, $0x01010101babaaee6
DATA utf8Tables<>+0x30(SB)/8, $0x0f0f0f0f0f0f0f0f
DATA utf8Tables<>+0x38(SB)/8, $0x6060606060606060
DATA utf8Tables<>+0x40(SB)/8, $0x7070707070707070
DATA utf8Tables<>+0x48(SB)/8, $0x8080808080808080
GLOBL utf8Tables<>(SB), RODATA|NOPTR, $0x50

// TABLES loads what CHECK needs into Y8 to Y14. ASCII does without.
#define TABLES \
	VBROADCASTI128 utf8Tables<>+0x00(SB), Y8  \
	VBROADCASTI128 utf8Tables<>+0x10(SB), Y9  \
	VBROADCASTI128 utf8Tables<>+0x20(SB), Y10 \
	VPBROADCASTQ   utf8Tables<>+0x30(SB), Y11 \
	VPBROADCASTQ   utf8Tables<>+0x38(SB), Y12 \
	VPBROADCASTQ   utf8Tables<>+0x40(SB), Y13 \
	VPBROADCASTQ   utf8Tables<>+0x48(SB), Y14

// CHECK adds to Y15 the faults of the 32 bytes in IN. Y2, Y3 and Y4 have the bytes that stand
// one, two and three before them.
//
// The faults are those that the tables agree on. The upper bit, of two continuation bytes, is
// no fault but due where the byte is the third or fourth of a sequence: where the byte two
// before is e0 or more, or the one three before f0 or more. Less 60, or 70, these keep
// their upper bit, and no others do.
#define CHECK(IN) \
	VPSRLW   $4, Y2, Y5   \
	VPAND    Y11, Y5, Y5  \
	VPSHUFB  Y5, Y8, Y5   \
	VPAND    Y11, Y2, Y6  \
	VPSHUFB  Y6, Y9, Y6   \
	VPAND    Y6, Y5, Y5   \
	VPSRLW   $4, IN, Y6   \
	VPAND    Y11, Y6, Y6  \
	VPSHUFB  Y6, Y10, Y6  \
	VPAND    Y6, Y5, Y5   \
	VPSUBUSB Y12, Y3, Y3  \
	VPSUBUSB Y13, Y4, Y4  \
	VPOR     Y4, Y3, Y3   \
	VPAND    Y14, Y3, Y3  \
	VPXOR    Y5, Y3, Y3   \
	VPOR     Y3, Y15, Y15

// func utf8Vector(b *byte, n int) (good int)
//
// SI is where to go on, DX how many bytes are left, DI is b.
TEXT ·utf8Vector(SB), NOSPLIT, $0-24
	MOVQ b+0(FP), SI
	MOVQ n+8(FP), DX
	MOVQ SI, DI

	VPXOR Y15, Y15, Y15 // no faults so far

	// While the bytes before SI are ASCII, or there are none, ASCII needs no check.
ascii:
	SUBQ $128, DX
	JB   ascii64

ascii128:
	VMOVDQU   (SI), Y0
	VPOR      32(SI), Y0, Y0
	VMOVDQU   64(SI), Y1
	VPOR      96(SI), Y1, Y1
	VPOR      Y0, Y1, Y1
	VPMOVMSKB Y1, AX
	TESTL     AX, AX
	JNZ       ascii64
	ADDQ      $128, SI
	SUBQ      $128, DX
	JAE       ascii128

ascii64:
	ADDQ      $128, DX
	CMPQ      DX, $64
	JB        asciiTail
	VMOVDQU   (SI), Y0
	VMOVDQU   32(SI), Y1
	VPOR      Y0, Y1, Y2
	VPMOVMSKB Y2, AX
	TESTL     AX, AX
	JNZ       first
	ADDQ      $64, SI
	SUBQ      $64, DX
	JMP       ascii

	// Up to 63 bytes are left, behind 64 or more.
asciiTail:
	VMOVDQU   -64(SI)(DX*1), Y0
	VPOR      -32(SI)(DX*1), Y0, Y0
	VPMOVMSKB Y0, AX
	TESTL     AX, AX
	JZ        whole
	TABLES
	JMP       tail

	// The first block that is not ASCII. Zeros stand for the bytes before it.
first:
	TABLES
	VPERM2I128 $0x08, Y0, Y0, Y5
	VPALIGNR   $15, Y5, Y0, Y2
	VPALIGNR   $14, Y5, Y0, Y3
	VPALIGNR   $13, Y5, Y0, Y4
	JMP        check64

	// The blocks behind it, up to the next that is all ASCII.
mixed:
	CMPQ    DX, $64
	JB      tail
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	VMOVDQU -1(SI), Y2
	VMOVDQU -2(SI), Y3
	VMOVDQU -3(SI), Y4

check64:
	CHECK(Y0)
	VMOVDQU   31(SI), Y2
	VMOVDQU   30(SI), Y3
	VMOVDQU   29(SI), Y4
	CHECK(Y1)
	VPTEST    Y15, Y15
	JNZ       done
	VPOR      Y0, Y1, Y2
	VPMOVMSKB Y2, AX
	ADDQ      $64, SI
	SUBQ      $64, DX
	TESTL     AX, AX
	JNZ       mixed
	JMP       ascii

	// Up to 63 bytes are left, behind 64 or more. The last 32 may overlap those before.
tail:
	TESTQ   DX, DX
	JZ      done
	CMPQ    DX, $32
	JBE     last32
	VMOVDQU (SI), Y0
	VMOVDQU -1(SI), Y2
	VMOVDQU -2(SI), Y3
	VMOVDQU -3(SI), Y4
	CHECK(Y0)

last32:
	VMOVDQU -32(SI)(DX*1), Y0
	VMOVDQU -33(SI)(DX*1), Y2
	VMOVDQU -34(SI)(DX*1), Y3
	VMOVDQU -35(SI)(DX*1), Y4
	CHECK(Y0)
	VPTEST  Y15, Y15
	JNZ     done

whole:
	ADDQ DX, SI

done:
	SUBQ DI, SI
	MOVQ SI, good+16(FP)
	VZEROUPPER
	RET
