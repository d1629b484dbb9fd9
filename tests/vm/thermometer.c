// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * An I2C bus with one MLX90614 on it, bit by bit.
 *
 * The master is the kernel's own: its SMBus layer asks, checks packet error codes and counts tries, its
 * bit-banging algorithm (i2c-algo-bit, which i2c-gpio uses on a Pi) moves the two lines at 100 kHz. Here is
 * what hangs on them: open-drain lines, and a slave that sees their edges and nothing else. Its answers
 * bear the packet error code of the System Management Bus Specification 2.0, 5.2: CRC-8, x^8 + x^2 + x + 1,
 * over everything since the first start condition.
 *
 * /sys/module/thermometer/parameters/
 *   ambient, object   the words in its memory at 0x06 and 0x07
 *   fault             none; pec (every code wrong), pec N (the next N); absent; sda, scl (that line is held
 *                     low from outside); byte (caught in the middle of a byte whose bits are low, as after a
 *                     master that died)
 *   sent              words that it has sent to their end
 */
#include <linux/errno.h>
#include <linux/i2c-algo-bit.h>
#include <linux/i2c.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/string.h>

#define ADDRESS 0x5a
#define AMBIENT 0x06
#define OBJECT 0x07
/* Half a clock of 100 kHz. */
#define HALF_CLOCK_US 5

static ushort ambient = 0x3942;
module_param(ambient, ushort, 0644);
static ushort object = 0x3c17;
module_param(object, ushort, 0644);
static uint sent;
module_param(sent, uint, 0444);

/* What is broken. */
static bool absent, sda_held, scl_held;
/* So many codes are wrong from now on; all of them below zero. */
static int wrong_codes;

/* What the master does to the lines; true is let go. */
static bool master_sda = true, master_scl = true;

static enum { IDLE, TO_HEAR, TO_SEND } state;
/* The slave's own hand on the data line. */
static bool slave_sda = true;
/* Clocks of this byte so far, the ninth is the acknowledgement; and its bits. */
static int clocks;
static u8 bits;
/* Bytes since the start condition, the address is the first. */
static int bytes;
static u8 command, code;
static u8 answer[3];

static bool scl(void)
{
	return master_scl && !scl_held;
}

static bool sda(void)
{
	return master_sda && slave_sda && !sda_held;
}

static u8 crc8(u8 crc, u8 byte)
{
	int bit;

	crc ^= byte;
	for (bit = 0; bit < 8; bit++)
		crc = crc & 0x80 ? crc << 1 ^ 0x07 : crc << 1;
	return crc;
}

static void put_bit(void)
{
	slave_sda = bits & 0x80;
	bits <<= 1;
}

static void begin_byte(u8 byte)
{
	clocks = 0;
	bits = byte;
	if (state == TO_SEND)
		put_bit();
}

/* A byte came in; whether it is for this slave. */
static bool heard(u8 byte)
{
	if (bytes++ == 0) {
		bool reads = byte & 1;
		u16 word;

		if (absent || byte >> 1 != ADDRESS)
			return false;
		/* A repeated start goes on with the code of the first part. */
		code = crc8(reads ? code : 0, byte);
		if (!reads)
			return true;
		word = command == OBJECT ? object : command == AMBIENT ? ambient : 0;
		answer[0] = word & 0xff;
		answer[1] = word >> 8;
		answer[2] = crc8(crc8(code, answer[0]), answer[1]);
		if (wrong_codes) {
			answer[2] ^= 0x10;
			if (wrong_codes > 0)
				wrong_codes--;
		}
		return true;
	}
	command = byte;
	code = crc8(code, byte);
	/* Nobody writes to it. */
	return bytes == 2;
}

static void clock_rises(void)
{
	if (state == IDLE)
		return;
	clocks++;
	if (state == TO_HEAR && clocks <= 8)
		bits = bits << 1 | sda();
	/* The master does not want more. */
	if (state == TO_SEND && clocks == 9 && sda()) {
		sent += bytes == ARRAY_SIZE(answer);
		state = IDLE;
	}
}

static void clock_falls(void)
{
	static bool acknowledged;

	if (state == IDLE) {
		slave_sda = true;
		return;
	}
	if (state == TO_HEAR && clocks == 8) {
		acknowledged = heard(bits);
		slave_sda = !acknowledged;
	} else if (state == TO_HEAR && clocks == 9) {
		bool reads = bytes == 1 && bits & 1;

		slave_sda = true;
		if (!acknowledged) {
			state = IDLE;
		} else if (reads) {
			state = TO_SEND;
			bytes = 1;
			begin_byte(answer[0]);
		} else {
			begin_byte(0);
		}
	} else if (state == TO_SEND && clocks == 8) {
		slave_sda = true;
	} else if (state == TO_SEND && clocks == 9) {
		/* Behind the last one all ones, as from an open line. */
		begin_byte(bytes < ARRAY_SIZE(answer) ? answer[bytes] : 0xff);
		bytes++;
	} else if (state == TO_SEND && clocks > 0) {
		put_bit();
	}
}

/* Moves a line of the master's, and lets the slave see what that does to the wire. */
static void move_line(bool *line, int level)
{
	bool scl_was = scl(), sda_was = sda();

	*line = level;
	if (scl_was && scl() && sda_was != sda()) {
		/* A start condition, or a stop. */
		state = sda_was ? TO_HEAR : IDLE;
		bytes = 0;
		slave_sda = true;
		if (state == TO_HEAR)
			begin_byte(0);
	} else if (!scl_was && scl()) {
		clock_rises();
	} else if (scl_was && !scl()) {
		clock_falls();
	}
}

static void set_sda(void *data, int level)
{
	move_line(&master_sda, level);
}

static void set_scl(void *data, int level)
{
	move_line(&master_scl, level);
}

static int get_sda(void *data)
{
	return sda();
}

static int get_scl(void *data)
{
	return scl();
}

static int set_fault(const char *text, const struct kernel_param *param)
{
	char name[8] = "";
	int times = -1;
	int words = sscanf(text, "%7s %d", name, &times);

	absent = sda_held = scl_held = false;
	wrong_codes = 0;
	if (words >= 1 && !strcmp(name, "pec"))
		wrong_codes = times;
	else if (!strcmp(name, "absent"))
		absent = true;
	else if (!strcmp(name, "sda"))
		sda_held = true;
	else if (!strcmp(name, "scl"))
		scl_held = true;
	else if (!strcmp(name, "byte")) {
		state = TO_SEND;
		bytes = 1;
		begin_byte(0);
	} else if (strcmp(name, "none"))
		return -EINVAL;
	return 0;
}

static const struct kernel_param_ops fault_ops = { .set = set_fault };
module_param_cb(fault, &fault_ops, NULL, 0200);

static struct i2c_algo_bit_data lines = {
	.setsda = set_sda,
	.setscl = set_scl,
	.getsda = get_sda,
	.getscl = get_scl,
	.udelay = HALF_CLOCK_US,
	/* As i2c-gpio has it. */
	.timeout = HZ / 10,
};

static struct i2c_adapter adapter = {
	.owner = THIS_MODULE,
	.name = "gate thermometer",
	.algo_data = &lines,
};

static int __init thermometer_init(void)
{
	return i2c_bit_add_bus(&adapter);
}

static void __exit thermometer_exit(void)
{
	i2c_del_adapter(&adapter);
}

module_init(thermometer_init);
module_exit(thermometer_exit);
MODULE_DESCRIPTION("An MLX90614 on a bit-banged bus");
MODULE_LICENSE("GPL");
