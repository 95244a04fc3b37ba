//go:build !purego && !asan && !msan

#include "textflag.h"

// The tables of Keiser and Lemire. utf8_amd64.s says what their bits mean.
DATA utf8Tables<>+0x00(SB)/8, $0x0202020202020202
DATA utf8Tables<>+0x08(SB)/8, $0x4915012180808080
DATA utf8Tables<>+0x10(SB)/8, $0xcbcbcb8b8383a3e7
DATA utf8Tables<>+0x18(SB)/8, $0xcbcbdbcbcbcbcbcb
DATA utf8Tables<>+0x20(SB)/8, $0x0101010101010101
DATA utf8Tables<>+0x28(SB)/8, $0x01010101babaaee6
GLOBL utf8Tables<>(SB), RODATA|NOPTR, $0x30

// V16, V17, V18: the tables. V19: 0f in each byte, V20: e0, V21: f0, V22: 80.

// CHECK adds to V31 the faults of the 16 bytes in IN. BEFORE has the 16 before them.
//
// The faults are those that the tables agree on. The upper bit, of two continuation bytes, is
// no fault but due where the byte is the third or fourth of a sequence: where the byte two
// before is e0 or more, or the one three before f0 or more.
#define CHECK(BEFORE, IN) \
	VEXT  $15, IN.B16, BEFORE.B16, V5.B16 \
	VEXT  $14, IN.B16, BEFORE.B16, V6.B16 \
	VEXT  $13, IN.B16, BEFORE.B16, V7.B16 \
	VUSHR $4, V5.B16, V8.B16              \
	VTBL  V8.B16, [V16.B16], V8.B16       \
	VAND  V19.B16, V5.B16, V9.B16         \
	VTBL  V9.B16, [V17.B16], V9.B16       \
	VAND  V9.B16, V8.B16, V8.B16          \
	VUSHR $4, IN.B16, V9.B16              \
	VTBL  V9.B16, [V18.B16], V9.B16       \
	VAND  V9.B16, V8.B16, V8.B16          \
	VUMIN V20.B16, V6.B16, V6.B16         \
	VCMEQ V20.B16, V6.B16, V6.B16         \
	VUMIN V21.B16, V7.B16, V7.B16         \
	VCMEQ V21.B16, V7.B16, V7.B16         \
	VORR  V7.B16, V6.B16, V6.B16          \
	VAND  V22.B16, V6.B16, V6.B16         \
	VEOR  V8.B16, V6.B16, V6.B16          \
	VORR  V6.B16, V31.B16, V31.B16

// func utf8Vector(b *byte, n int) (good int)
//
// R0 is where to go on, R1 how many bytes are left, R2 is b. R3 has a bit for each byte
// that ASCII leaves 0.
TEXT ·utf8Vector(SB), NOSPLIT, $0-24
	MOVD b+0(FP), R0
	MOVD n+8(FP), R1
	MOVD R0, R2
	MOVD $0x8080808080808080, R3

	MOVD  $utf8Tables<>(SB), R4
	VLD1  (R4), [V16.B16, V17.B16, V18.B16]
	VMOVI $0x0f, V19.B16
	VMOVI $0xe0, V20.B16
	VMOVI $0xf0, V21.B16
	VMOVI $0x80, V22.B16
	VEOR  V31.B16, V31.B16, V31.B16

	// While the bytes before R0 are ASCII, or there are none, ASCII needs no check. V4 stands
	// for these bytes: zeros, or others that are ASCII.
	VEOR V4.B16, V4.B16, V4.B16

ascii:
	CMP  $64, R1
	BLO  tail
	VLD1 (R0), [V0.B16, V1.B16, V2.B16, V3.B16]
	VORR V0.B16, V1.B16, V5.B16
	VORR V2.B16, V3.B16, V6.B16
	VORR V5.B16, V6.B16, V5.B16
	VMOV V5.D[0], R4
	VMOV V5.D[1], R5
	ORR  R4, R5, R4
	TST  R3, R4
	BNE  check64
	ADD  $64, R0
	SUB  $64, R1
	B    ascii

	// The blocks behind one that is not all ASCII, up to one that is. V4 has the 16 bytes
	// before R0.
mixed:
	CMP  $64, R1
	BLO  tail
	VLD1 (R0), [V0.B16, V1.B16, V2.B16, V3.B16]

check64:
	CHECK(V4, V0)
	CHECK(V0, V1)
	CHECK(V1, V2)
	CHECK(V2, V3)
	VMOV V31.D[0], R4
	VMOV V31.D[1], R5
	ORR  R4, R5, R4
	CBNZ R4, done
	ADD  $64, R0
	SUB  $64, R1
	VORR V0.B16, V1.B16, V5.B16
	VORR V2.B16, V3.B16, V6.B16
	VORR V5.B16, V6.B16, V5.B16
	VMOV V5.D[0], R4
	VMOV V5.D[1], R5
	ORR  R4, R5, R4
	VMOV V3.B16, V4.B16
	TST  R3, R4
	BNE  mixed
	B    ascii

	// Up to 63 bytes are left, behind 64 or more. The last 16 may overlap those before.
tail:
	CBZ R1, done
	SUB $16, R0, R6

tail16:
	CMP  $16, R1
	BLS  last16
	VLD1 (R6), [V4.B16, V5.B16]
	VMOV V5.B16, V0.B16
	CHECK(V4, V0)
	ADD  $16, R6
	SUB  $16, R1
	B    tail16

last16:
	ADD  R1, R6
	SUB  $16, R6
	VLD1 (R6), [V4.B16, V5.B16]
	VMOV V5.B16, V0.B16
	CHECK(V4, V0)
	VMOV V31.D[0], R4
	VMOV V31.D[1], R5
	ORR  R4, R5, R4
	CBNZ R4, done
	ADD  $32, R6, R0

done:
	SUB  R2, R0
	MOVD R0, good+16(FP)
	RET
